/** The two tables of an app; the same shape as `runtime/backends/aws/dynamo/tables.ts` makes for the emulator. */
import {
  aws_dynamodb as dynamodb,
  RemovalPolicy,
  Validations,
  type aws_kms as kms,
} from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { PARTITION_KEY, SORT_KEY, TTL_ATTRIBUTE } from '../../runtime/backends/aws/contract.ts';

export interface TablesProps {
  readonly encryptionKey: kms.IKey | undefined;
  readonly keep: boolean;
}

export class Tables extends Construct {
  /** Lease, turn records, snapshots, inputs of works. */
  readonly state: dynamodb.Table;
  /** What works report. */
  readonly deltas: dynamodb.Table;

  constructor(scope: Construct, id: string, { encryptionKey, keep }: TablesProps) {
    super(scope, id);
    const { STRING } = dynamodb.AttributeType;
    const common = {
      partitionKey: { name: PARTITION_KEY, type: STRING },
      sortKey: { name: SORT_KEY, type: STRING },
      billingMode: dynamodb.BillingMode.PAY_PER_REQUEST,
      timeToLiveAttribute: TTL_ATTRIBUTE,
      removalPolicy: keep ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
      ...(encryptionKey === undefined
        ? {}
        : { encryption: dynamodb.TableEncryption.CUSTOMER_MANAGED, encryptionKey }),
    };
    this.state = new dynamodb.Table(this, 'State', {
      ...common,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    });
    this.deltas = new dynamodb.Table(this, 'Deltas', {
      ...common,
      stream: dynamodb.StreamViewType.NEW_IMAGE,
    });
    Validations.of(this.deltas).acknowledge({
      id: 'AwsSolutions-DDB3',
      reason: 'Deltas are on their way into State, which has point-in-time recovery, and expire',
    });
  }
}
