import { AwsSolutionsChecks } from 'cdk-nag';
import {
  aws_certificatemanager as acm,
  aws_kms as kms,
  SecretValue,
  type App,
  type Stack,
} from 'aws-cdk-lib';
import { describe, test } from 'vitest';
import type { StormkiteAppProps } from '../../infra/index.ts';
import { project, synth } from './synth.ts';

const OIDC = {
  issuer: 'https://id.example.com',
  authorizationEndpoint: 'https://id.example.com/authorize',
  tokenEndpoint: 'https://id.example.com/token',
  userInfoEndpoint: 'https://id.example.com/me',
  clientId: 'stormkite',
  clientSecret: SecretValue.secretsManager('oidc'),
};

const certificateOf = (stack: Stack) =>
  acm.Certificate.fromCertificateArn(
    stack,
    'Certificate',
    'arn:aws:acm:eu-central-1:123456789012:certificate/1',
  );

describe('cdk-nag', () => {
  test.for<[string, (stack: Stack) => Partial<StormkiteAppProps>]>([
    ['the defaults', () => ({})],
    [
      'a private network',
      () => ({
        network: 'private',
        nodeImage: '123456789012.dkr.ecr.eu-central-1.amazonaws.com/node:22',
      }),
    ],
    [
      'a load balancer with sign-in',
      (stack) => ({
        ui: 'alb',
        domainName: 'app.example.com',
        certificate: certificateOf(stack),
        oidc: OIDC,
      }),
    ],
    [
      'a key of the account',
      (stack) => ({ encryptionKey: new kms.Key(stack, 'Key', { enableKeyRotation: true }) }),
    ],
    ['named addresses', () => ({ ui: 'direct', allowedCidrs: ['203.0.113.0/24'] })],
  ])('finds nothing that is neither fixed nor acknowledged: %s', ([, props], { expect }) => {
    const { app, stack } = synth(props);
    expect(findings(app, stack)).toEqual([]);
  });

  test('finds nothing in works with secrets, images and ports of their own', ({ expect }) => {
    const entry = project(`
      import { App, BuildConfig, CloudCompute, Flow, Work } from 'stormkite';
      export class Train extends Work { run() {} }
      class Root extends Flow {
        a = new Train({ secrets: { KEY: 'secretsmanager:key', OTHER: 'ssm:/a/b', MORE: 'env:MORE' } });
        b = new Train({ port: 9000, cloudBuildConfig: new BuildConfig({ image: '123456789012.dkr.ecr.us-east-1.amazonaws.com/a/b:1' }) });
        c = new Train({ cloudCompute: new CloudCompute('gpu', { interruptible: true, shmSize: 64, mounts: [{ source: 's3://data/a/', mountPath: '/data' }] }) });
        run() {}
      }
      export default new App(new Root());
    `);
    const { app, stack } = synth({ entry });
    expect(findings(app, stack)).toEqual([]);
  });
});

function findings(app: App, stack: Stack): string[] {
  const { violations } = new AwsSolutionsChecks(app).validateScope(stack);
  return violations.map((violation) => JSON.stringify(violation));
}
