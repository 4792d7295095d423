import { code } from '../define-code.ts';

export const channelCodes = {
  AWS_INPUT_MISSING: code<{ work: string; epoch: number; waitedMs: number }>({
    kind: 'environment',
    summary: 'A task of a work found nothing that tells it what to do.',
    message: ({ work, epoch, waitedMs }) =>
      `launch ${epoch} of ${work} found no input in the state table within ${waitedMs} ms`,
    hint: () => 'start works through their flow; a task that is run by hand has no input',
  }),
  AWS_WORK_FENCED: code<{ work: string; epoch: number; by: number }>({
    kind: 'environment',
    summary: 'A newer launch of the same work writes; this process must not act any more.',
    message: ({ work, epoch, by }) =>
      by === epoch
        ? `another process with launch ${epoch} of ${work} writes its deltas`
        : `launch ${epoch} of ${work} was replaced by launch ${by}`,
    hint: () =>
      'nothing is lost: the newer launch goes on where this one was; see why it was started in the log of the flow',
  }),
  AWS_FLOW_LOST: code<{ work: string; forMs: number; why: 'lease' | 'unreachable' }>({
    kind: 'environment',
    summary: 'A work ended itself because its flow was gone for too long.',
    message: ({ work, forMs, why }) => {
      const minutes = Math.round(forMs / 60_000);
      return why === 'lease'
        ? `the flow of ${work} has not renewed its lease for ${minutes} minutes; the work ends itself`
        : `${work} could not reach DynamoDB for ${minutes} minutes; the work ends itself`;
    },
    hint: () =>
      'look at the log of the flow; when it comes back it sends the interrupted call again',
  }),
  WORK_DELTA_UNREADABLE: code<{ name: string; seq: number; problem: string }>({
    kind: 'environment',
    summary:
      'A change that a work reported is stored and cannot be read; nothing that its process did after it is applied.',
    message: ({ name, seq, problem }) => `delta ${seq} of ${name} cannot be read: ${problem}`,
    hint: ({ name }) =>
      `start ${name} again: its next process goes on from the last change that was applied`,
  }),
  WORK_STATE_GAP: code<{ name: string; seq: number; waitedMs: number }>({
    kind: 'environment',
    summary: 'A change that a work reported cannot be found; nothing after it may be applied.',
    message: ({ name, seq, waitedMs }) =>
      `delta ${seq} of ${name} is missing and was not found for ${waitedMs} ms`,
    hint: ({ name }) =>
      `start ${name} again: its next process goes on from the last change that was applied`,
  }),
};
