/**
 * Carries out what the reconciler decided, after the commit that justifies it. Every effect can be repeated (R5).
 */
import { background } from '../errors/index.ts';
import { definitionsTo } from './definitions.ts';
import type { DeltaChannel } from '../ports/delta-channel.ts';
import type { Launcher, LaunchResult } from '../ports/launcher.ts';
import type { CallMessage } from '../protocol/downlink.ts';
import type { BuildConfig } from '../hardware/build-config.ts';
import type { BuildSpec, ClassRef, ComponentDefinition, WorkSpec } from '../protocol/work-spec.ts';
import type { Operation } from '../state/operation.ts';
import { OPTIONS } from '../component/work-symbols.ts';
import { reach } from './failpoints.ts';
import { identityOf, type WorkState } from './work-state.ts';

/** One effect, prepared at the end of a turn so that it carries what was committed. */
export type Effect =
  | { readonly do: 'launch'; readonly state: WorkState; readonly spec: WorkSpec }
  | { readonly do: 'send'; readonly state: WorkState; readonly message: CallMessage }
  | {
      readonly do: 'stop';
      readonly state: WorkState;
      readonly epoch: number;
      readonly graceMs: number;
      /** Its hardware is kept for the next run. */
      readonly keep: boolean;
    }
  | { readonly do: 'release'; readonly work: string }
  | { readonly do: 'flow-delta'; readonly work: string; readonly ops: readonly Operation[] };

export interface EffectPorts {
  readonly launcher: Launcher;
  readonly channel: DeltaChannel;
}

export interface EffectOptions {
  readonly launched: (state: WorkState, epoch: number, result: LaunchResult) => void;
  /** A call did not reach the process. */
  readonly absent: (state: WorkState) => void;
  /** An effect is over; the work should be looked at again. */
  readonly settled: (state: WorkState) => void;
}

export class Effects {
  readonly #ports: EffectPorts;
  readonly #options: EffectOptions;

  constructor(ports: EffectPorts, options: EffectOptions) {
    this.#ports = ports;
    this.#options = options;
  }

  perform(effect: Effect): void {
    if (effect.do === 'flow-delta') {
      const sent = this.#ports.channel.deliver(effect.work, { type: 'flowDelta', ops: effect.ops });
      background(sent, `sending a flow delta to ${effect.work}`);
      return;
    }
    if (effect.do === 'release') {
      background(
        this.#ports.launcher.release(effect.work),
        `releasing the hardware of ${effect.work}`,
      );
      return;
    }
    background(this.#run(effect), `${effect.do} of ${effect.state.name}`);
  }

  async #run(effect: Extract<Effect, { state: WorkState }>): Promise<void> {
    const { state } = effect;
    try {
      if (effect.do === 'launch') await this.#launch(state, effect.spec);
      else if (effect.do === 'send') await this.#send(state, effect.message);
      else await this.#stop(effect);
    } finally {
      if (state.busy === effect.do) state.busy = null;
      this.#options.settled(state);
    }
  }

  async #launch(state: WorkState, spec: WorkSpec): Promise<void> {
    reach('launch.before');
    const result = await this.#ports.launcher.launch(spec);
    reach('launch.after');
    this.#options.launched(state, spec.epoch, result);
  }

  async #send(state: WorkState, message: CallMessage): Promise<void> {
    reach('call.before');
    const result = await this.#ports.channel.deliver(state.name, message);
    reach('call.after');
    if (result === 'sent' || state.given !== identityOf(message)) return;
    state.given = null;
    this.#options.absent(state);
  }

  async #stop({ state, epoch, graceMs, keep }: Extract<Effect, { do: 'stop' }>): Promise<void> {
    reach('stop.before');
    await this.#ports.launcher.stop({ work: state.name, epoch }, graceMs);
    if (keep || state.keepHardware) await this.#ports.launcher.keep?.(state.name);
    else await this.#ports.launcher.release(state.name);
    reach('stop.after');
  }
}

/** Everything that the new process needs, as it is committed now. */
export function toWorkSpec(
  app: string,
  state: WorkState,
  definitions: ReadonlyMap<string, ComponentDefinition>,
  tree: readonly string[],
  ref?: ClassRef,
): WorkSpec {
  const { work } = state;
  if (!work) throw new TypeError(`${state.name} was deleted`);
  const options = work[OPTIONS];
  const { cloudCompute } = options;
  return {
    app,
    work: state.name,
    epoch: state.epoch,
    seq: state.received,
    vars: state.replica.values(),
    definitions: definitionsTo(state.name, definitions),
    tree,
    env: options.env,
    secrets: options.secrets,
    hardware: {
      name: cloudCompute.name,
      gpus: cloudCompute.gpus,
      interruptible: cloudCompute.interruptible,
      diskSize: cloudCompute.diskSize,
      shmSize: cloudCompute.shmSize,
      mounts: cloudCompute.mounts,
    },
    ...(ref === undefined ? {} : { ref }),
    build: toBuildSpec(options.cloudBuildConfig),
    port: options.port,
    colocationGroupId: cloudCompute.colocationGroupId,
  };
}

function toBuildSpec({ requirements, image, dockerfile, buildCommands }: BuildConfig): BuildSpec {
  return { requirements, image, dockerfile, buildCommands };
}

/** The call in flight, with the flow's writes that were folded into it. */
export function toCallMessage(state: WorkState): CallMessage | null {
  const { active } = state.ledger;
  if (!active) return null;
  return {
    type: 'call',
    call: active.hash,
    attempt: active.attempt,
    args: active.args,
    fold: state.folded,
    mark: state.mark,
  };
}
