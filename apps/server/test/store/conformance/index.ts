/** The suite that every engine has to pass: the same promises, whatever the database. */
import { describe } from 'vitest';
import { auditConformance } from './audit.ts';
import { brakesConformance } from './brakes.ts';
import { deliveriesConformance } from './deliveries.ts';
import { endpointsConformance } from './endpoints.ts';
import type { OpenStore } from './harness.ts';
import { healthConformance } from './health.ts';
import { inboxesConformance } from './inboxes.ts';
import { jobsConformance } from './jobs.ts';
import { lanesConformance } from './lanes.ts';
import { meanwhileConformance } from './meanwhile.ts';
import { noticesConformance } from './notices.ts';
import { peopleConformance } from './people.ts';
import { publishConformance } from './publish.ts';
import { statsConformance } from './stats.ts';
import { tenantsConformance } from './tenants.ts';
import { upkeepConformance } from './upkeep.ts';

export function storeConformance(name: string, open: OpenStore): void {
  describe(name, () => {
    // Each in a block of its own: what it opens before each of its tests is opened for none of the others.
    describe('settings', () => tenantsConformance(open));
    describe('accounts', () => peopleConformance(open));
    describe('audit', () => auditConformance(open));
    describe('receivers built in', () => inboxesConformance(open));
    endpointsConformance(open);
    describe('deliveries', () => deliveriesConformance(open));
    publishConformance(open);
    lanesConformance(open);
    healthConformance(open);
    brakesConformance(open);
    jobsConformance(open);
    statsConformance(open);
    meanwhileConformance(open);
    noticesConformance(open);
    describe('upkeep', () => upkeepConformance(open));
  });
}
