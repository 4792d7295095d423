import { ACCOUNT_SERVICES, callerOf } from '../backends/aws/operate/account.ts';
import { createClients, destroyClients } from '../backends/aws/clients.ts';

/** Where it is asked while no region is set: it is the same caller everywhere. */
const ANY_REGION = 'us-east-1';

/**
 * Who asks AWS.
 *
 * @throws `AWS_CREDENTIALS_MISSING`, `AWS_CALL_FAILED`
 */
export async function callerArn(region: string): Promise<string> {
  const clients = await createClients(region === '' ? ANY_REGION : region, ACCOUNT_SERVICES);
  try {
    return (await callerOf(clients)).arn;
  } finally {
    destroyClients(clients);
  }
}
