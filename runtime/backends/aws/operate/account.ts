/** What is asked of an account before anything is deployed into it. */
import { GetParameterCommand } from '@aws-sdk/client-ssm';
import { GetServiceQuotaCommand } from '@aws-sdk/client-service-quotas';
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import type { AwsClients } from '../clients.ts';
import { attempt } from './aws-error.ts';

export const ACCOUNT_SERVICES = ['sts', 'ssm', 'serviceQuotas'] as const;
export type AccountClients = Pick<AwsClients, (typeof ACCOUNT_SERVICES)[number]>;

const BOOTSTRAP_VERSION = '/cdk-bootstrap/hnb659fds/version';
const EC2 = 'ec2';

const STANDARD = /^[acdhimrtz]\d/;
const G_AND_VT = /^(g|gr|vt)\d/;
const P = /^p\d/;

/** Quotas of EC2 in vCPUs that works need, by their codes; what is optional is only for works that ask for such machines. */
export const VCPU_QUOTAS = [
  { code: 'L-1216C47A', what: 'standard machines', families: STANDARD, isOptional: false },
  { code: 'L-34B43A08', what: 'standard machines, spot', families: STANDARD, isOptional: true },
  {
    code: 'L-DB2E81BA',
    what: 'G and VT machines (gpu, gpu-fast)',
    families: G_AND_VT,
    isOptional: true,
  },
  { code: 'L-3819A6DF', what: 'G and VT machines, spot', families: G_AND_VT, isOptional: true },
  { code: 'L-417A185B', what: 'P machines', families: P, isOptional: true },
  { code: 'L-7212CCBC', what: 'P machines, spot', families: P, isOptional: true },
] as const;

export interface Caller {
  readonly account: string;
  readonly arn: string;
}

/** @throws `AWS_CREDENTIALS_MISSING`, `AWS_CALL_FAILED` */
export async function callerOf({ sts }: AccountClients): Promise<Caller> {
  const { Account = '', Arn = '' } = await attempt('asking who asks', () =>
    sts.send(new GetCallerIdentityCommand({})),
  );
  return { account: Account, arn: Arn };
}

/** Version of the CDK's bootstrap stack; `null` where there is none. */
export async function bootstrapVersion({ ssm }: AccountClients): Promise<number | null> {
  const version = await attempt('looking for the CDK bootstrap', async () => {
    try {
      return (await ssm.send(new GetParameterCommand({ Name: BOOTSTRAP_VERSION }))).Parameter
        ?.Value;
    } catch (error) {
      if (error instanceof Error && error.name === 'ParameterNotFound') return undefined;
      throw error;
    }
  });
  return version === undefined ? null : Number(version);
}

/** vCPUs that a quota allows. */
export async function quotaValue({ serviceQuotas }: AccountClients, code: string): Promise<number> {
  const { Quota } = await attempt(`reading the quota ${code}`, () =>
    serviceQuotas.send(new GetServiceQuotaCommand({ ServiceCode: EC2, QuotaCode: code })),
  );
  return Quota?.Value ?? 0;
}
