/** The emulator's own paths, below `/_emulator`: what there is, what it cost, what is to go wrong. */
import type { Deployment } from '../contract.ts';
import type { BillingReport } from './ec2/billing.ts';
import { faultSchema, type Fault, type StandingFault } from './fault-schema.ts';
import { parseDeploymentSpec, specInvalid } from './deployment-spec.ts';
import type { ResolvedDeploymentSpec } from './deployment-spec.ts';
import { ServiceError } from './service-error.ts';
import type { RawRequest } from './service-router.ts';
import type { EmulatorState } from './emulator-state.ts';
import type { Answer } from './wire/answers.ts';

export const ADMIN_PATH = '/_emulator';

/** What can be asked for in process as well. */
export interface AdminTarget {
  state(): EmulatorState;
  billing(): BillingReport;
  provision(spec: ResolvedDeploymentSpec): Promise<Deployment>;
  addFault(fault: Fault): string | null;
  clearFaults(id?: string): void;
  readonly standingFaults: readonly { readonly id: string; readonly fault: StandingFault }[];
}

export async function answerAdmin(
  { method, url, body }: RawRequest,
  target: AdminTarget,
): Promise<Answer> {
  const [what = '', id] = url.pathname.slice(ADMIN_PATH.length + 1).split('/');
  switch (`${method} ${what}`) {
    case 'GET state':
      return json(target.state());
    case 'GET billing':
      return json(target.billing());
    case 'POST provision':
      return json(await target.provision(parseDeploymentSpec(parseJson(body))));
    case 'GET faults':
      return json({ faults: target.standingFaults });
    case 'POST faults':
      return json({ id: target.addFault(parseFault(parseJson(body))) });
    case 'DELETE faults':
      target.clearFaults(id);
      return json({});
    default:
      throw new ServiceError('NotFound', `${method} ${url.pathname} is not known`, { status: 404 });
  }
}

/** @throws `EMULATOR_SPEC_INVALID` */
export function parseFault(value: unknown): Fault {
  const parsed = faultSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw specInvalid('fault', parsed.error);
}

export function adminError({ code, message, status }: ServiceError): Answer {
  return { ...json({ error: { code, message } }), status };
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new ServiceError('SerializationException', 'The request is not JSON');
  }
}

function json(value: object): Answer {
  return {
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(value),
  };
}
