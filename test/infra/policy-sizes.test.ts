import { describe, test } from 'vitest';
import { project, synth, type Synthesised } from './synth.ts';

/** What IAM takes: characters inside of a role, characters of a managed policy, policies of a role. */
const LIMITS = { inline: 10_240, managed: 6_144, attached: 10 };
const STACK = 'stormkite-a-name-that-is-long-but-not-too-long';

const PSEUDO: Readonly<Record<string, string>> = {
  'AWS::Region': 'ap-southeast-1',
  'AWS::AccountId': '123456789012',
  'AWS::Partition': 'aws-us-gov',
  'AWS::StackId': `arn:aws-us-gov:cloudformation:ap-southeast-1:123456789012:stack/${STACK}/01234567-89ab-cdef-0123-456789abcdef`,
};
const FAMILIES = ['m7i', 'm6i', 'c7i', 'c6i', 'r7i', 'r6i', 'm7a', 'c7a'];
const SIZES = ['large', 'xlarge', '2xlarge', '4xlarge', '8xlarge', '12xlarge'];
const TYPES = SIZES.flatMap((size) => FAMILIES.map((family) => `${family}.${size}`));

/** An app with so many classes and kinds of hardware, of which six are the named ones. */
const appOf = (classes: number, kinds: number): string =>
  project(`
    import { App, CloudCompute, Flow, Work } from 'stormkite';
    ${Array.from({ length: classes }, (_, n) => `export class WorkOfTheKind${n} extends Work { run() {} }`).join('\n')}
    class Root extends Flow { run() {} }
    const types = ${JSON.stringify(TYPES.slice(0, kinds - 6))};
    export default new App(new Root(), {
      works: [${Array.from({ length: classes }, (_, n) => `WorkOfTheKind${n}`).join(', ')}],
      hardware: [
        ...['default', 'cpu-small', 'cpu-medium', 'gpu', 'gpu-fast', 'gpu-fast-multi'].map((name) => new CloudCompute(name)),
        ...types.map((instanceType, n) => new CloudCompute({ instanceType, interruptible: n % 2 === 0 })),
      ],
    });
  `);

/** A value of a template with names as long as AWS makes them. */
function asAws(value: any, types: Readonly<Record<string, string>>): any {
  if (Array.isArray(value)) return value.map((each) => asAws(each, types));
  if (typeof value !== 'object' || value === null) return value;
  const nameOf = (id: string): string => {
    const name = `${STACK}-${id}-AbCdEfGhIjKl`;
    if (types[id]?.startsWith('AWS::EC2::')) return 'subnet-0123456789abcdef0';
    return types[id] === 'AWS::IAM::Role' ? name.slice(-64) : name;
  };
  const { Ref: ref, 'Fn::GetAtt': attribute, 'Fn::Join': join } = value;
  if (ref !== undefined) return PSEUDO[ref] ?? nameOf(ref);
  if (attribute !== undefined)
    return `arn:aws-us-gov:service:ap-southeast-1:123456789012:kind/${nameOf(attribute[0])}`;
  if (join !== undefined) return asAws(join[1], types).join(join[0]);
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [asAws(key, types), asAws(each, types)]),
  );
}

/** Of each role: characters inside of it, and of each managed policy that it has. */
function sizesOf({ template }: Synthesised) {
  const resources: [string, any][] = Object.entries(template.toJSON()['Resources']);
  const types = Object.fromEntries(resources.map(([id, { Type }]) => [id, Type]));
  const chars = (document: unknown): number => JSON.stringify(asAws(document, types)).length;
  const attached = (type: string, role: string) =>
    resources
      .filter(([, { Type }]) => Type === type)
      .map(([, { Properties }]) => Properties)
      .filter(({ Roles = [] }) => Roles.some(({ Ref }: any) => Ref === role))
      .map(({ PolicyDocument }) => chars(PolicyDocument));
  return resources
    .filter(([, { Type }]) => Type === 'AWS::IAM::Role')
    .map(([role, { Properties }]) => ({
      role,
      inline: [
        ...(Properties.Policies ?? []).map((policy: any) => chars(policy.PolicyDocument)),
        ...attached('AWS::IAM::Policy', role),
      ].reduce((sum, each) => sum + each, 0),
      managed: attached('AWS::IAM::ManagedPolicy', role),
    }));
}

describe('the policies of a large app', () => {
  test.for<[string, number, number]>([
    ['12 kinds of hardware and 40 classes', 40, 12],
    ['54 kinds of hardware, about as many as a flow can be told', 1, 54],
    ['120 classes, about as many as a template can have', 120, 12],
  ])('fit into what IAM takes: %s', ([, classes, kinds], { expect }) => {
    const sizes = sizesOf(synth({ entry: appOf(classes, kinds) }));
    expect(sizes.length).toBeGreaterThan(classes);
    for (const { role, inline, managed } of sizes) {
      expect({ role, inline: inline <= LIMITS.inline }).toEqual({ role, inline: true });
      expect({ role, tooLong: managed.filter((each) => each > LIMITS.managed) }).toEqual({
        role,
        tooLong: [],
      });
      expect(managed.length).toBeLessThanOrEqual(LIMITS.attached);
    }
  });

  test('fit also where a class has more secrets than a role has room', ({ expect }) => {
    const secrets = Object.fromEntries(
      Array.from({ length: 200 }, (_, n) => [`KEY_${n}`, `ssm:/team/of/the/model/secret-${n}`]),
    );
    const made = synth({
      entry: project(`
        import { App, Flow, Work } from 'stormkite';
        export class Train extends Work { run() {} }
        class Root extends Flow { train = new Train({ secrets: ${JSON.stringify(secrets)} }); run() {} }
        export default new App(new Root());
      `),
    });
    const work = sizesOf(made).find(({ role }) => role.includes('WorksTrain'));
    expect(work?.inline).toBeLessThan(LIMITS.inline);
    expect(work?.managed.length).toBeGreaterThan(2);
    for (const chars of work?.managed ?? []) expect(chars).toBeLessThanOrEqual(LIMITS.managed);
    const text = JSON.stringify(made.template.toJSON());
    for (let n = 0; n < 200; n += 1) expect(text).toContain(`secret-${n}"`);
  });
});
