/** Services of AWS at the HTTP level, one answer for each operation: for what the emulator does not have. */
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

type Input = Readonly<Record<string, unknown>>;
/** An object is the answer; a text is the name of an error. */
export type Answers = Record<string, (input: Input) => object | string>;

/** Suffixes of `AWS_ENDPOINT_URL_`. */
const SERVICES = [
  'ECS',
  'EC2',
  'AUTO_SCALING',
  'SSM',
  'SECRETS_MANAGER',
  'SERVICE_QUOTAS',
  'PRICING',
  'STS',
  'CLOUDFORMATION',
];

export class ScriptedAws {
  /** By name of the operation; tests change them. */
  readonly answers: Answers;
  /** What was asked, in order. */
  readonly asked: { readonly operation: string; readonly input: Input }[] = [];
  readonly #server: Server;

  private constructor(answers: Answers) {
    this.answers = answers;
    this.#server = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (text: string) => (body += text));
      request.on('end', () => {
        const target = request.headers['x-amz-target'];
        const [code, type, text] =
          typeof target === 'string' ? this.#json(target, body) : this.#query(body);
        response.writeHead(code, { 'content-type': type }).end(text);
      });
    });
  }

  static async open(answers: Answers): Promise<ScriptedAws> {
    const made = new ScriptedAws(answers);
    made.#server.listen(0, '127.0.0.1');
    await once(made.#server, 'listening');
    return made;
  }

  /** What leads SDKs here. */
  get environment(): Record<string, string> {
    const { port } = this.#server.address() as AddressInfo;
    const urls = SERVICES.map((name) => [`AWS_ENDPOINT_URL_${name}`, `http://127.0.0.1:${port}`]);
    return {
      ...(Object.fromEntries(urls) as Record<string, string>),
      AWS_REGION: 'eu-west-1',
      AWS_ACCESS_KEY_ID: 'scripted',
      AWS_SECRET_ACCESS_KEY: 'scripted',
      AWS_EC2_METADATA_DISABLED: 'true',
    };
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #ask(operation: string, input: Input): object | string {
    this.asked.push({ operation, input });
    return this.answers[operation]?.(input) ?? 'UnknownOperationException';
  }

  #json(target: string, body: string): [number, string, string] {
    const answer = this.#ask(target.split('.')[1] ?? '', JSON.parse(body || '{}') as Input);
    const type = 'application/x-amz-json-1.1';
    return typeof answer === 'string'
      ? [400, type, JSON.stringify({ __type: answer, message: `scripted ${answer}` })]
      : [200, type, JSON.stringify(answer)];
  }

  #query(body: string): [number, string, string] {
    const input = Object.fromEntries(new URLSearchParams(body));
    const action = input['Action'] ?? '';
    const answer = this.#ask(action, input);
    const type = 'text/xml';
    if (typeof answer === 'string')
      return [
        400,
        type,
        `<ErrorResponse><Error><Type>Sender</Type><Code>${answer}</Code><Message>scripted ${answer}, it does not exist</Message></Error></ErrorResponse>`,
      ];
    const inner = toXml(answer);
    // EC2 answers without a result element.
    const wrapped = action.startsWith('DescribeSpot')
      ? inner
      : `<${action}Result>${inner}</${action}Result>`;
    return [200, type, `<${action}Response>${wrapped}</${action}Response>`];
  }
}

function toXml(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.entries(value)
    .map(([name, each]) => {
      const inner = Array.isArray(each)
        ? each.map((one) => `<${nameOfItem(name)}>${toXml(one)}</${nameOfItem(name)}>`).join('')
        : toXml(each);
      return `<${name}>${inner}</${name}>`;
    })
    .join('');
}

/** Lists of EC2 have `item`s, those of the others `member`s. */
function nameOfItem(list: string): string {
  return list.endsWith('Set') ? 'item' : 'member';
}
