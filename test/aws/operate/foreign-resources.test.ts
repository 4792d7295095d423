/** Which resources of a real stack are an app's own. */
import { App, Stack, aws_s3 as s3 } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { describe, test } from 'vitest';
import { foreignResources } from '../../../runtime/backends/aws/operate/foreign-resources.ts';
import { StormkiteApp, type StormkiteAppProps } from '../../../infra/index.ts';
import { COUNTER, temporary } from '../../infra/synth.ts';

describe('a stack', { timeout: 300_000 }, () => {
  /** As `cdk` makes it, which asks for paths. */
  function templateOf(props: Partial<StormkiteAppProps>, more?: (stack: Stack) => void): string {
    const context = { 'aws:cdk:enable-path-metadata': true };
    const stack = new Stack(new App({ outdir: temporary('cdk-out'), context }), 'team');
    new StormkiteApp(stack, 'App', { entry: COUNTER, ...props });
    more?.(stack);
    return JSON.stringify(Template.fromStack(stack).toJSON());
  }

  test.for([
    ['with the defaults', {}],
    ['that is reached directly', { ui: 'direct', allowedCidrs: ['203.0.113.0/24'] }],
    [
      'that is private',
      { network: 'private', nodeImage: '123456789012.dkr.ecr.us-east-1.amazonaws.com/node:22' },
    ],
  ] as const)('%s holds nothing but its app', ([, props], { expect }) => {
    expect(foreignResources(templateOf(props), 'counter')).toEqual([]);
  });

  test('of the user’s own holds what is beside the app, whatever its name', ({ expect }) => {
    const template = templateOf({}, (stack) => void new s3.Bucket(stack, 'AppData'));
    expect(foreignResources(template, 'counter')).toEqual([
      expect.stringMatching(/^AppData.* \(AWS::S3::Bucket\)$/),
    ]);
    // Nor does another app find its own in it.
    expect(foreignResources(template, 'other').length).toBeGreaterThan(50);
  });

  test('that the CDK has not made is not touched', ({ expect }) => {
    expect(foreignResources('Resources:\n  Bucket: {}', 'counter')).toEqual([
      'Template (not made by the CDK)',
    ]);
  });
});
