import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { aws_ec2 as ec2, type Stack } from 'aws-cdk-lib';
import { describe, test } from 'vitest';
import { deploymentOf, resolved, ROOT, synth } from './synth.ts';

/** Every file of an example that is an app. */
const apps = readdirSync(join(ROOT, 'examples'), { recursive: true, encoding: 'utf8' })
  .filter((file) => /^[^/]+\/[^/]+\.ts$/.test(file))
  .filter((file) => /^export default new App\(/m.test(readText(file)))
  .toSorted();
/** What reads or changes data of an app or its account, rather than describing machines. */
const DATA_ACTION =
  /^(dynamodb|s3|secretsmanager|kms|logs):|^ssm:(Get|Put)|^iam:|^ecs:(Run|Stop|Execute)|^ec2:(Run|Create)|^autoscaling:(?!Describe)/;

const SUBNETS = ['subnet-0123456789abcdef0', 'subnet-0123456789abcdef1'];

function readText(file: string): string {
  return readFileSync(join(ROOT, 'examples', file), 'utf8');
}

/** A network that others made, as a platform team gives it. */
const existingVpc = (stack: Stack) =>
  ec2.Vpc.fromVpcAttributes(stack, 'Existing', {
    vpcId: 'vpc-0123456789abcdef0',
    availabilityZones: ['eu-central-1a', 'eu-central-1b'],
    publicSubnetIds: SUBNETS,
  });

describe('the examples, in a stack of somebody else', () => {
  test('are found', ({ expect }) => {
    expect(apps).toEqual(
      expect.arrayContaining(['counter/app.ts', 'iris/app.ts', 'notebooks/app.ts']),
    );
  });

  test.for(apps)(
    '%s stands in a network that exists, and has `*` on no data',
    (file, { expect }) => {
      const made = synth(
        (stack) => ({ entry: join(ROOT, 'examples', file), vpc: existingVpc(stack) }),
        { stackName: 'platform' },
      );
      const { template, all } = made;
      for (const type of ['AWS::EC2::VPC', 'AWS::EC2::Subnet', 'AWS::EC2::VPCEndpoint'])
        template.resourceCountIs(type, 0);
      expect(deploymentOf(made).subnets).toEqual(SUBNETS);
      for (const { Properties } of Object.values(all('AWS::EC2::SecurityGroup')))
        expect(Properties.VpcId).toBe('vpc-0123456789abcdef0');
      const documents = [
        ...Object.values(all('AWS::IAM::Role')).flatMap(
          ({ Properties }) => Properties.Policies ?? [],
        ),
        ...['AWS::IAM::Policy', 'AWS::IAM::ManagedPolicy'].flatMap((type) =>
          Object.values(all(type)).map(({ Properties }) => Properties),
        ),
      ].map(({ PolicyDocument }) => PolicyDocument);
      const statements = documents.flatMap(({ Statement }) => Statement);
      expect(statements.length).toBeGreaterThan(15);
      for (const { Action, Resource } of statements) {
        const actions: string[] = [Action].flat();
        const resources = [Resource].flat().map(resolved);
        expect(actions.join()).not.toContain('*');
        if (resources.includes('*'))
          expect(actions.filter((action) => DATA_ACTION.test(action))).toEqual([]);
      }
    },
  );
});
