import type { Json, JsonObject } from '../state/json.ts';

/** Where the class of a component is found again; never `constructor.name`. */
export type ClassRef =
  /** The class of the component that the app's constructors put at this name. */
  | { readonly by: 'tree'; readonly name: string }
  /** An export of the app file. */
  | { readonly by: 'export'; readonly name: string }
  /** A place in `new App(root, { works })`. */
  | { readonly by: 'listed'; readonly index: number };

/** How a component that was attached at run time is built again: `new Class(props)`. */
export interface ComponentDefinition {
  /** Full name (`root.extra.alice`). */
  readonly name: string;
  readonly kind: 'work' | 'flow' | 'dict' | 'list';
  /** Absent for structures. */
  readonly ref?: ClassRef;
  /** The one object that the constructor passed to `super`; absent for structures. */
  readonly props?: Json;
}

/** Everything a launcher and the new process need to bring a work up. */
export interface WorkSpec {
  /** Name of the app. */
  readonly app: string;
  /** Full name of the work. */
  readonly work: string;
  /** Number of this launch of the work; fences what older processes still send (R1). */
  readonly epoch: number;
  /** The work's first delta carries `seq + 1`. */
  readonly seq: number;
  /** The work's fields as the flow has them. */
  readonly vars: JsonObject;
  /** Components attached at run time that lead to this work, outermost first. */
  readonly definitions: readonly ComponentDefinition[];
  /** Names of all components that the constructors built; a child that builds others fails as `WORK_TREE_DIFFERS`. */
  readonly tree: readonly string[];
  /** Plain environment variables of the work. */
  readonly env: Readonly<Record<string, string>>;
  /** Environment variable name to its source (`env:NAME`, `ssm:/path`, `secretsmanager:id`); resolved by the launcher, never stored. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly hardware: HardwareSpec;
  /** Where the work's class is found again; absent where the launcher's process is the only one. */
  readonly ref?: ClassRef;
  /** How the machine is prepared; not used locally. */
  readonly build: BuildSpec;
  /** The explicit `port` option. */
  readonly port: number | null;
  /** Works of one group share a machine. */
  readonly colocationGroupId: string | null;
}

/** The hardware that a work asked for. */
export interface HardwareSpec {
  /** `default`, `cpu-small`, `gpu` … or an instance type. */
  readonly name: string;
  /** GPUs that the class has; 0 for CPU classes. */
  readonly gpus: number;
  readonly interruptible: boolean;
  /** GiB; 0: the image's own size. */
  readonly diskSize: number;
  /** MiB; 0: the platform's default. */
  readonly shmSize: number;
  readonly mounts: readonly { readonly source: string; readonly mountPath: string }[];
}

/** Image, packages and commands of a work. */
export interface BuildSpec {
  readonly requirements: readonly string[];
  readonly image: string | null;
  readonly dockerfile: string | null;
  readonly buildCommands: readonly string[];
}
