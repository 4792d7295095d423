import type { WorkFact, LaunchResult } from '../ports/launcher.ts';
import type { Delta } from '../protocol/delta.ts';
import type { Json, JsonObject } from '../state/json.ts';
import type { Operation } from '../state/operation.ts';
import type { PatchResult } from './control.ts';
import type { WorkState } from './work-state.ts';

/** Something from outside the flow that waits for the next turn (R3). */
export type Item =
  | { readonly type: 'delta'; readonly delta: Delta }
  | { readonly type: 'fact'; readonly fact: WorkFact }
  | {
      readonly type: 'launched';
      readonly state: WorkState;
      readonly epoch: number;
      readonly result: LaunchResult;
    }
  | {
      readonly type: 'timeout';
      readonly state: WorkState;
      readonly call: string;
      readonly attempt: number;
    }
  | { readonly type: 'idle'; readonly state: WorkState }
  /** The delta with this `seq` cannot be had. */
  | { readonly type: 'gap'; readonly state: WorkState; readonly seq: number }
  | { readonly type: 'fire'; readonly fire: () => void }
  | {
      readonly type: 'patch';
      readonly ops: readonly Operation[];
      readonly check: ((document: JsonObject) => boolean) | undefined;
      readonly client: string | undefined;
      readonly done: (result: PatchResult) => void;
    }
  | {
      readonly type: 'task';
      /** User code; never throws. */
      readonly run: () => void;
      readonly client: string | undefined;
      /** What it wrote is durable, or never will be. */
      readonly done: (error: unknown) => void;
    }
  | {
      readonly type: 'command';
      readonly work: string;
      readonly verb: 'start' | 'stop' | 'delete';
      readonly client: string | undefined;
      readonly done: (error: unknown) => void;
    }
  /** What the host says of the app; the flow does not see it. */
  | { readonly type: 'app-state'; readonly key: string; readonly value: Json }
  | { readonly type: 'end'; readonly message: string };
