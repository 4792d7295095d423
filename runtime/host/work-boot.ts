/**
 * What a work's process needs before it has a work: where its line to the flow is, and where its app.
 */
import type { AwsBoot } from '../backends/aws/channel/aws-boot.ts';
import { parseSocketBoot, type SocketBoot } from '../protocol/work-env.ts';

export type WorkBoot = SocketBoot | AwsBoot;

const AWS_KIND = '"kind":"aws"';

/**
 * Reads the boot from its environment variable.
 *
 * What only AWS needs is loaded only there: a local work has to be up within milliseconds.
 *
 * @throws `PROTOCOL_MESSAGE_INVALID`
 */
export async function parseWorkBoot(text: string | undefined): Promise<WorkBoot> {
  if (text?.includes(AWS_KIND) !== true) return parseSocketBoot(text);
  const { parseAwsBoot } = await import('../backends/aws/channel/aws-boot.ts');
  return parseAwsBoot(text);
}
