/** Finishing touches on the OpenAPI document that @fastify/swagger makes of the routes. */

type Json = Record<string, unknown>;

/** Names each titled schema once, under components, and makes optional bodies optional. */
export function hoistSchemas<T extends object>(document: T): T {
  const schemas: Json = {};
  const result = hoist(structuredClone(document), schemas) as Json;
  for (const operation of operations(result)) {
    if (operation['x-body-optional'] === true && isObject(operation['requestBody'])) operation['requestBody']['required'] = false;
    delete operation['x-body-optional'];
    nameResponses(operation);
  }
  const components = isObject(result['components']) ? result['components'] : {};
  result['components'] = { ...components, schemas: Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1))) };
  return result as T;
}

/** Examples and defaults are data: what looks like a schema in them is none. */
const DATA = new Set(['example', 'examples', 'default', 'enum', 'const', 'info']);

function hoist(value: unknown, schemas: Json): unknown {
  if (Array.isArray(value)) return value.map((element) => hoist(element, schemas));
  if (!isObject(value)) return value;
  const walked: Json = Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, DATA.has(key) ? member : hoist(member, schemas)]),
  );
  const { title } = walked;
  // A property may be called title; a schema's title is text.
  if (typeof title !== 'string' || !('type' in walked)) return walked;
  const known = schemas[title];
  if (!isObject(known) || !('examples' in known)) schemas[title] = walked;
  return { $ref: `#/components/schemas/${title}` };
}

/** Where an answer's schema has no description of its own, its name is one: @fastify/swagger would say "Default Response". */
function nameResponses(operation: Json): void {
  const responses = isObject(operation['responses']) ? operation['responses'] : {};
  for (const response of Object.values(responses)) {
    if (!isObject(response) || response['description'] !== 'Default Response') continue;
    const name = /"#\/components\/schemas\/(\w+)"/.exec(JSON.stringify(response['content'] ?? ''))?.[1];
    response['description'] = name === undefined ? 'Done' : `\`${name}\``;
  }
}

function operations(document: Json): Json[] {
  const paths = isObject(document['paths']) ? document['paths'] : {};
  return Object.values(paths).flatMap((path) => (isObject(path) ? Object.values(path).filter(isObject) : []));
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
