import { describe, test } from 'vitest';
import { z } from 'zod';
import type { Json } from '../../../runtime/state/json.ts';
import { fieldOf, readDraft, type Draft, type Field } from '../../../ui/src/logic/schema-form.ts';

function formOf(schema: z.ZodType): Field {
  const field = fieldOf(z.toJSONSchema(schema, { io: 'input' }) as Json);
  if (field === null) throw new Error('no form');
  return field;
}

describe('forms of schemas', () => {
  const schema = z.object({
    name: z.string().describe('Who it is'),
    count: z.number().int(),
    ratio: z.number().optional(),
    size: z.enum(['small', 'large']).default('small'),
    share: z.boolean(),
    notify: z.boolean().optional(),
    tags: z.array(z.string()).optional(),
    limits: z.object({ cpus: z.number() }).optional(),
    either: z.union([z.string(), z.number()]).optional(),
  });

  test('each field is of the kind that its schema asks for', ({ expect }) => {
    const form = formOf(schema);
    if (form.type !== 'group') throw new Error('no group');
    const kinds = Object.entries(form.fields).map(([name, { type, isRequired }]) => [
      name,
      type,
      isRequired,
    ]);
    expect(kinds).toEqual([
      ['name', 'text', true],
      ['count', 'number', true],
      ['ratio', 'number', false],
      ['size', 'choice', false],
      ['share', 'boolean', true],
      ['notify', 'choice', false],
      ['tags', 'list', false],
      ['limits', 'group', false],
      ['either', 'json', false],
    ]);
    expect(form.fields['name']).toMatchObject({ description: 'Who it is' });
  });

  test('what was filled in is what the schema accepts; what was left empty is absent', ({
    expect,
  }) => {
    const form = formOf(schema);
    const draft = { ...(form.initial as { [key: string]: Draft }), name: 'ada', count: '3' };
    const reading = readDraft(form, draft);
    expect(reading).toEqual({
      ok: true,
      value: { name: 'ada', count: 3, size: 'small', share: false },
    });
    if (reading.ok) expect(schema.safeParse(reading.value).success).toBe(true);
    const full = { ...draft, ratio: '0.5', tags: ['a'], limits: { cpus: '2' }, either: '[1' };
    expect(readDraft(form, { ...full, notify: '1', either: '7' })).toMatchObject({
      value: { ratio: 0.5, notify: false, tags: ['a'], limits: { cpus: 2 }, either: 7 },
    });
    expect(readDraft(form, full)).toEqual({
      ok: false,
      problems: new Map([['/either', 'Not JSON']]),
    });
  });

  test('text that is no such value is told where it stands', ({ expect }) => {
    const form = formOf(schema);
    const draft = { ...(form.initial as { [key: string]: Draft }), count: '1.5', ratio: 'x' };
    const reading = readDraft(form, draft);
    expect(reading.ok ? [] : [...reading.problems.keys()]).toEqual(['/count', '/ratio']);
  });

  test('references within a schema are followed, and a recursive one ends as JSON', ({
    expect,
  }) => {
    const tree: Json = {
      type: 'object',
      properties: { root: { $ref: '#/$defs/node' } },
      required: ['root'],
      $defs: {
        node: {
          type: 'object',
          properties: { name: { type: 'string' }, next: { $ref: '#/$defs/node' } },
        },
      },
    };
    let field: Field | undefined = fieldOf(tree) ?? undefined;
    let depth = 0;
    while (field?.type === 'group') {
      field = field.fields['root'] ?? field.fields['next'];
      depth += 1;
    }
    expect(field?.type).toBe('json');
    expect(depth).toBeGreaterThan(2);
  });

  test('a command without a schema has no form', ({ expect }) => {
    expect(fieldOf(undefined)).toBeNull();
  });
});
