import { describe } from 'vitest';
import { test } from '../../support/dynamodb.ts';
import { aroundRequests } from './requests.ts';
import { clientAt, IMPATIENT, storeOver, UNAWARE } from './store-place.ts';

const APP = 'app';

describe('records of the flow', () => {
  test('are written whole, found by prefix in order, and deleted', async ({ dynamodb, expect }) => {
    const lease = await storeOver(dynamodb).open(APP);
    const { items } = lease;
    for (const sk of ['R#b#1', 'R#~~#1', 'R#a#1', 'R#a#2', 'HW#i-1'])
      expect(await items.put(sk, { name: { S: sk } })).toBe('written');
    expect(await items.put('R#a#1', { other: { N: '1' } })).toBe('written');
    const found = await items.query('R#');
    expect(found.map((item) => item['sk']?.S)).toEqual(['R#a#1', 'R#a#2', 'R#b#1', 'R#~~#1']);
    expect(found[0]).toMatchObject({ other: { N: '1' }, fence: { N: String(lease.fence) } });
    expect(found[0]?.['name']).toBeUndefined();
    expect(await items.delete('R#a#1')).toBe('written');
    expect(await items.delete('R#a#1')).toBe('written');
    expect((await items.query('R#a')).map((item) => item['sk']?.S)).toEqual(['R#a#2']);
    expect(await items.query('none')).toEqual([]);
    await lease.close();
  });

  test('that a newer holder wrote are not changed by an older one, which learns so', async ({
    dynamodb,
    expect,
  }) => {
    const lost: string[] = [];
    const older = await storeOver(dynamodb, {
      timings: UNAWARE,
      onLost: ({ code }) => lost.push(code),
    }).open(APP);
    await older.items.put('R#a#1', { by: { S: 'older' } });
    const newer = await storeOver(dynamodb, { timings: IMPATIENT }).open(APP);
    expect((await newer.items.query('R#'))[0]?.['by']).toEqual({ S: 'older' });
    await newer.items.put('R#a#1', { by: { S: 'newer' } });
    expect(await older.items.put('R#a#1', { by: { S: 'older' } })).toBe('fenced');
    expect(await older.items.delete('R#a#1')).toBe('fenced');
    expect(lost).toEqual(['STORE_CONFLICT']);
    expect(await older.items.put('R#b#1', {})).toBe('fenced');
    expect((await newer.items.query('R#')).map((item) => item['by']?.S)).toEqual(['newer']);
    await older.close();
    await newer.close();
  });

  test('that cannot be reached say so with one of our errors', async ({
    dynamodb,
    expect,
    onTestFinished,
  }) => {
    const client = clientAt(dynamodb.endpoint);
    onTestFinished(() => client.destroy());
    const lease = await storeOver({ ...dynamodb, client }).open(APP);
    let isDown = true;
    aroundRequests(client, (_request, send) => {
      if (isDown) throw Object.assign(new Error('down'), { name: 'InternalServerError' });
      return send();
    });
    const unreachable = { code: 'STORE_UNREACHABLE' };
    await expect(lease.items.put('R#a#1', {})).rejects.toMatchObject(unreachable);
    await expect(lease.items.delete('R#a#1')).rejects.toMatchObject(unreachable);
    await expect(lease.items.query('R#')).rejects.toMatchObject(unreachable);
    isDown = false;
    await lease.close();
  });
});
