/**
 * The app's files in the bootstrap bucket, and who may read them: exactly this one object.
 *
 * A1 The policy is named by the artifact's content. A deployment makes the new policy first and deletes the old one when the new
 *    flow runs, so what the old flow starts meanwhile still finds its code; so does a rollback.
 */
import { aws_iam as iam, aws_s3_assets as assets } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import {
  ARTIFACT_SHA256_VARIABLE,
  ARTIFACT_VARIABLE,
} from '../../runtime/backends/aws/contract.ts';
import type { PreparedApp } from '../prepared-app.ts';

/** Hex digits of the content hash in the policy's id. */
const ID_DIGITS = 12;

export class Artifact extends Construct {
  readonly asset: assets.Asset;
  /** For every container that runs the app. */
  readonly environment: Readonly<Record<string, string>>;
  readonly #sha256: string;

  constructor(scope: Construct, id: string, { path, sha256 }: PreparedApp['artifact']) {
    super(scope, id);
    this.#sha256 = sha256;
    this.asset = new assets.Asset(this, 'Asset', { path });
    this.environment = {
      [ARTIFACT_VARIABLE]: this.asset.s3ObjectUrl,
      [ARTIFACT_SHA256_VARIABLE]: sha256,
    };
  }

  /** Lets roles read it. To be called once. */
  grantRead(roles: readonly iam.IRole[]): iam.ManagedPolicy {
    const policy = new iam.ManagedPolicy(this, `Read${this.#sha256.slice(0, ID_DIGITS)}`, {
      description: 'Reads the files of one version of a Stormkite app',
      statements: [
        new iam.PolicyStatement({
          actions: ['s3:GetObject'],
          resources: [this.asset.bucket.arnForObjects(this.asset.s3ObjectKey)],
        }),
      ],
    });
    for (const role of roles) policy.attachToRole(role);
    return policy;
  }
}
