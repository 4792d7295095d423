import { execFile } from 'node:child_process';

/** Milliseconds; a driver that hangs is no GPU. */
const ANSWER_MS = 10_000;

/**
 * Indices of the GPUs that `nvidia-smi` tells of; none when there is no such program, or it fails.
 *
 * A `CUDA_VISIBLE_DEVICES` of indices in the environment limits them.
 */
export function detectLocalGpus(environment: NodeJS.ProcessEnv): Promise<readonly number[]> {
  return new Promise((resolve) => {
    const args = ['--query-gpu=index', '--format=csv,noheader'];
    execFile('nvidia-smi', args, { env: environment, timeout: ANSWER_MS }, (error, stdout) => {
      resolve(error ? [] : visible(indices(stdout, '\n'), environment['CUDA_VISIBLE_DEVICES']));
    });
  });
}

function visible(devices: readonly number[], limit: string | undefined): readonly number[] {
  if (limit === undefined) return devices;
  const allowed = indices(limit, ',');
  return devices.filter((device) => allowed.includes(device));
}

function indices(text: string, separator: string): number[] {
  const parts = text.split(separator).map((part) => part.trim());
  return parts.filter((part) => /^\d+$/.test(part)).map(Number);
}
