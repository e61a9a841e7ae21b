import type { Role } from '../../api/views.ts';

export const ROLES: Readonly<Record<Role, { readonly name: string; readonly may: string }>> = {
  owner: { name: 'Owner', may: 'does everything, including the team and deletion.' },
  developer: { name: 'Developer', may: 'changes endpoints, secrets and keys, tests, retries and recovers.' },
  viewer: { name: 'Viewer', may: 'sees everything but secrets, and changes nothing.' },
};

export const ROLE_NAMES = ['owner', 'developer', 'viewer'] as const satisfies readonly Role[];
