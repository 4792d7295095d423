import { test } from 'vitest';
import { hardwareClasses } from '../../../runtime/hardware/catalogue.ts';
import { priceSnapshot } from '../../../runtime/hardware/price-snapshot.ts';
import {
  fargatePerHour,
  machinePerHour,
  priceListSchema,
  pricesFor,
  type PricedMachine,
} from '../../../runtime/hardware/prices.ts';

const machine = (changes: Partial<PricedMachine>): PricedMachine => ({
  type: 'g4dn.xlarge',
  market: 'on-demand',
  diskGiB: 0,
  hasPublicIp: false,
  ...changes,
});

test('every type of the named classes has a price in the list that is shipped', ({ expect }) => {
  const types = Object.values(hardwareClasses).flatMap(({ instanceTypes }) => [...instanceTypes]);
  const unpriced = types.filter(
    (type) => machinePerHour(priceSnapshot, machine({ type })) === null,
  );
  expect(unpriced).toEqual([]);
  expect(priceListSchema.parse(priceSnapshot)).toEqual(priceSnapshot);
});

test('a machine costs its type, its volume and its address', ({ expect }) => {
  expect(machinePerHour(priceSnapshot, machine({}))).toBe(0.526);
  const whole = machinePerHour(priceSnapshot, machine({ diskGiB: 100, hasPublicIp: true }));
  expect(whole).toBeCloseTo(0.526 + 8 / 730 + 0.005, 10);
});

test('spot capacity costs what was asked, else what the list says, else as much as on demand', ({
  expect,
}) => {
  const spot = machine({ market: 'spot' });
  const listed = { ...priceSnapshot, spot: { 'g4dn.xlarge': 0.2 } };
  expect(machinePerHour(listed, { ...spot, spotPerHour: 0.16 })).toBe(0.16);
  expect(machinePerHour(listed, spot)).toBe(0.2);
  expect(machinePerHour(priceSnapshot, spot)).toBe(0.526);
  expect(machinePerHour(listed, machine({}))).toBe(0.526);
});

test('a type that is not in the list has no price', ({ expect }) => {
  expect(machinePerHour(priceSnapshot, machine({ type: 'x9.huge' }))).toBeNull();
  expect(machinePerHour(priceSnapshot, machine({ type: 'constructor' }))).toBeNull();
});

test('the smallest flow costs a cent and a half an hour', ({ expect }) => {
  const perHour = fargatePerHour(priceSnapshot, { vcpus: 0.25, memoryGiB: 0.5 });
  // 7.21 for the task and 3.65 for its address in a month of 730 hours.
  expect(perHour * 730).toBeCloseTo(7.21 + 3.65, 2);
});

test('prices of another region do not replace those that are shipped', ({ expect }) => {
  const frankfurt = { ...priceSnapshot, region: 'eu-central-1' };
  expect(pricesFor('eu-central-1', frankfurt)).toBe(frankfurt);
  expect(pricesFor('us-east-1', frankfurt)).toBe(priceSnapshot);
  expect(pricesFor('eu-central-1', null)).toBe(priceSnapshot);
});
