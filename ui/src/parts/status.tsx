import type { AppStage, WorkStage } from '../../../runtime/protocol/events.ts';

/** Each stage has a shape of its own, so that colour is not needed to tell them apart. */
const SHAPES: Record<WorkStage, string> = {
  not_started: 'M6 2.2a3.8 3.8 0 1 0 0 7.6 3.8 3.8 0 0 0 0-7.6Z',
  pending: 'M6 2.2a3.8 3.8 0 1 0 0 7.6 3.8 3.8 0 0 0 0-7.6ZM6 3.9V6l1.5 1',
  started:
    'M6 2.2a3.8 3.8 0 1 0 0 7.6 3.8 3.8 0 0 0 0-7.6ZM6 5.2a.8.8 0 1 0 0 1.6.8.8 0 0 0 0-1.6Z',
  running: 'M4.2 2.8v6.4L9.4 6Z',
  succeeded: 'm2.6 6.3 2.3 2.3 4.5-4.9',
  failed: 'm3.2 3.2 5.6 5.6M8.8 3.2 3.2 8.8',
  stopped: 'M3.2 3.2h5.6v5.6H3.2Z',
};

export function stageLabel(stage: WorkStage): string {
  return stage.replace('_', ' ');
}

export function StatusShape({ stage }: { readonly stage: WorkStage }) {
  return (
    <svg viewBox="0 0 12 12" width="12" height="12" aria-hidden="true" className="shape">
      <path d={SHAPES[stage]} />
    </svg>
  );
}

export function StatusChip({
  stage,
  reason,
}: {
  readonly stage: WorkStage;
  readonly reason?: string | undefined;
}) {
  return (
    <span className={`chip stage-${stage}`} title={reason}>
      <StatusShape stage={stage} />
      {stageLabel(stage)}
    </span>
  );
}

const APP_SHAPES: Record<AppStage, WorkStage> = {
  running: 'running',
  stopping: 'pending',
  stopped: 'stopped',
  failed: 'failed',
  paused: 'pending',
};

export function AppStageChip({ stage }: { readonly stage: AppStage }) {
  const shape = APP_SHAPES[stage];
  return (
    <span className={`chip stage-${shape}`}>
      <StatusShape stage={shape} />
      {stage}
    </span>
  );
}
