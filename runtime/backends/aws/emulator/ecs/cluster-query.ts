/**
 * The cluster query language of placement constraints and filters:
 * `attribute:ecs.instance-type == g4dn.xlarge and not (ec2InstanceId in [i-1, i-2])`.
 */
import { ServiceError } from '../service-error.ts';
import type { ContainerInstance } from './container-instance.ts';

type Test = (instance: ContainerInstance) => boolean;

const TOKEN =
  /\s*(?:(==|!=|>=|<=|=~|!~|&&|\|\||!(?![=~])|>|<|\(|\)|\[|\]|,)|"([^"]*)"|'([^']*)'|([^\s()[\],=!<>~"'&|]+))/y;

/** Makes the test that an expression is. */
export function parseClusterQuery(expression: string): Test {
  return new Parser(expression).parse();
}

class Parser {
  readonly #expression: string;
  readonly #tokens: string[] = [];

  constructor(expression: string) {
    this.#expression = expression;
    const pattern = new RegExp(TOKEN);
    const text = expression.trimEnd();
    while (pattern.lastIndex < text.length) {
      const match = pattern.exec(text);
      if (match === null) throw this.#invalid();
      this.#tokens.push(match[1] ?? match[2] ?? match[3] ?? match[4] ?? '');
    }
  }

  parse(): Test {
    const test = this.#either();
    if (this.#tokens.length > 0) throw this.#invalid();
    return test;
  }

  #either(): Test {
    let left = this.#both();
    while (this.#take('or', '||')) {
      const [a, b] = [left, this.#both()];
      left = (instance) => a(instance) || b(instance);
    }
    return left;
  }

  #both(): Test {
    let left = this.#one();
    while (this.#take('and', '&&')) {
      const [a, b] = [left, this.#one()];
      left = (instance) => a(instance) && b(instance);
    }
    return left;
  }

  #one(): Test {
    if (this.#take('not', '!')) {
      const inner = this.#one();
      return (instance) => !inner(instance);
    }
    if (this.#take('(')) {
      const inner = this.#either();
      if (!this.#take(')')) throw this.#invalid();
      return inner;
    }
    return this.#comparison();
  }

  #comparison(): Test {
    const subject = this.#next();
    const operator = this.#next();
    const valueOf = (instance: ContainerInstance): string | undefined =>
      subjectOf(instance, subject);
    if (operator === 'exists') return (instance) => valueOf(instance) !== undefined;
    if (operator === '!exists' || operator === 'not_exists')
      return (instance) => valueOf(instance) === undefined;
    if (operator === 'in' || operator === 'not_in') {
      const list = new Set(this.#list());
      return (instance) => list.has(valueOf(instance) ?? '') === (operator === 'in');
    }
    const wanted = this.#next();
    const compare = comparisonOf(operator, wanted);
    if (compare === null) throw this.#invalid();
    return (instance) => {
      const value = valueOf(instance);
      return value !== undefined && compare(value);
    };
  }

  #list(): string[] {
    if (!this.#take('[')) throw this.#invalid();
    const values: string[] = [];
    while (!this.#take(']')) {
      values.push(this.#next());
      this.#take(',');
    }
    return values;
  }

  #take(...words: readonly string[]): boolean {
    if (!words.includes(this.#tokens[0] ?? '')) return false;
    this.#tokens.shift();
    return true;
  }

  #next(): string {
    const token = this.#tokens.shift();
    if (token === undefined) throw this.#invalid();
    return token;
  }

  #invalid(): ServiceError {
    return new ServiceError(
      'InvalidParameterException',
      `Invalid expression '${this.#expression}'.`,
    );
  }
}

function comparisonOf(operator: string, wanted: string): ((value: string) => boolean) | null {
  switch (operator) {
    case '==':
    case 'equals':
      return (value) => value === wanted;
    case '!=':
    case 'not_equals':
      return (value) => value !== wanted;
    case '=~':
    case 'matches':
      return (value) => toPattern(wanted).test(value);
    case '!~':
    case 'not_matches':
      return (value) => !toPattern(wanted).test(value);
    case '>':
    case 'greater_than':
      return (value) => Number(value) > Number(wanted);
    case '>=':
    case 'greater_than_equal':
      return (value) => Number(value) >= Number(wanted);
    case '<':
    case 'less_than':
      return (value) => Number(value) < Number(wanted);
    case '<=':
    case 'less_than_equal':
      return (value) => Number(value) <= Number(wanted);
    default:
      return null;
  }
}

/** Patterns have `*` for anything. */
function toPattern(text: string): RegExp {
  const parts = text.split('*').map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`);
}

function subjectOf(instance: ContainerInstance, subject: string): string | undefined {
  if (subject.startsWith('attribute:'))
    return instance.attribute(subject.slice('attribute:'.length));
  switch (subject) {
    case 'ec2InstanceId':
      return instance.instance.id;
    case 'containerInstanceArn':
      return instance.arn;
    case 'agentConnected':
      return String(instance.agentConnected);
    case 'runningTasksCount':
      return String(instance.runningTasks);
    case 'pendingTasksCount':
      return String(instance.pendingTasks);
    case 'capacityProviderName':
      return instance.capacityProvider;
    default:
      throw new ServiceError(
        'InvalidParameterException',
        `Invalid subject '${subject}' in expression.`,
      );
  }
}
