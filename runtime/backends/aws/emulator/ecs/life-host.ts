import type { EmulatorContext } from '../context.ts';
import type { LogGroups } from '../logs/log-groups.ts';
import type { Parameters } from '../parameters.ts';
import type { ContainerLine } from './container-process.ts';
import type { Task } from './task.ts';

/** A line that a container printed. */
export interface TaskLine extends ContainerLine {
  readonly taskArn: string;
  readonly family: string;
  readonly container: string;
  /** Where CloudWatch Logs has it; `null` for a container without `awslogs`. */
  readonly logGroup: string | null;
  readonly logStream: string | null;
  /** Epoch milliseconds. */
  readonly at: number;
}

/** What tasks need of the emulator that they run in. */
export interface LifeHost {
  readonly context: EmulatorContext;
  readonly logs: LogGroups;
  readonly parameters: Parameters;
  /** Where tasks have their folders. */
  readonly directory: string;
  /** Address of the emulator. */
  readonly endpoint: string;
  /** What every container's environment begins with. */
  readonly services: Readonly<Record<string, string>>;
  line(line: TaskLine): void;
  /** The task is STOPPED. */
  ended(task: Task): void;
}
