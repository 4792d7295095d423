/** A command is data: what it takes, what it promises, and one handler. What all commands share is done once, elsewhere. */
import type { ExitCode } from '../runtime/host/exit-codes.ts';
import type { Output } from './output.ts';

/** What every handler gets; nothing is global. */
export interface CommandContext {
  readonly output: Output;
  /** Aborted by the first Ctrl-C (SIGTERM, SIGHUP), and when nobody reads our output any more. */
  readonly signal: AbortSignal;
  /** Aborted by the second Ctrl-C: everything must go now. */
  readonly killSignal: AbortSignal;
  /** Leaves Ctrl-C to a program that was started in this terminal, until it has ended. */
  readonly handOver: <T>(run: () => Promise<T>) => Promise<T>;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
}

export interface ArgumentSpec {
  readonly summary: string;
  readonly optional?: true;
  /** The last one: all that is left, options of its own too after `--`. */
  readonly many?: true;
}

export interface OptionSpec {
  readonly summary: string;
  /** Name of the value in the help; a switch has none. */
  readonly value?: string;
  /** May be given several times. */
  readonly many?: true;
  /** One letter. */
  readonly short?: string;
}

export interface Example {
  readonly line: string;
  readonly does: string;
}

type Arguments = Readonly<Record<string, ArgumentSpec>>;
type Options = Readonly<Record<string, OptionSpec>>;

/** What the user gave: arguments and values as text, switches as booleans. */
export type CommandInput<A extends Arguments, O extends Options> = {
  readonly [K in keyof A]: A[K] extends { readonly many: true }
    ? readonly string[]
    : A[K] extends { readonly optional: true }
      ? string | undefined
      : string;
} & {
  readonly [K in keyof O]: O[K] extends { readonly many: true }
    ? readonly string[]
    : O[K] extends { readonly value: string }
      ? string | undefined
      : boolean;
};

/** The same with its types forgotten. */
export type AnyInput = Readonly<Record<string, string | readonly string[] | boolean | undefined>>;

export interface CommandSpec<A extends Arguments, O extends Options> {
  /** As typed: `ps`, `state get`. */
  readonly name: string;
  /** One sentence without a full stop. */
  readonly summary: string;
  /** More for `--help`. */
  readonly details?: string;
  /** In order; names as in the help. */
  readonly arguments: A;
  /** By name in camel case; `noOpen` becomes `--no-open`. */
  readonly options: O;
  readonly examples: readonly Example[];
  /** Meaning of exit codes beyond the common ones. */
  readonly exitCodes?: Readonly<Partial<Record<ExitCode, string>>>;
  run(context: CommandContext, input: CommandInput<A, O>): Promise<ExitCode>;
}

/** A command with its types forgotten, for whoever parses the command line. */
export interface Command extends Omit<CommandSpec<Arguments, Options>, 'run'> {
  run(context: CommandContext, input: AnyInput): Promise<ExitCode>;
}

/** Commands under one word (`state get`, `state set`). */
export interface CommandGroup {
  readonly name: string;
  readonly summary: string;
  readonly commands: readonly Command[];
}

/** Types a command by its arguments and options. */
export function defineCommand<const A extends Arguments, const O extends Options>(
  spec: CommandSpec<A, O>,
): Command {
  return { ...spec, run: (context, input) => spec.run(context, input as CommandInput<A, O>) };
}

/** Options that several commands have. */
export const jsonOption = { json: { summary: 'Print JSON, one value per line' } } as const;
export const appOption = {
  app: { summary: 'Name of the app; may be left out while exactly one runs', value: 'name' },
} as const;
