import type { Command, CommandGroup } from './define-command.ts';

/** Every command by its first word, loaded when it is needed. */
export const registry: Readonly<Record<string, () => Promise<Command | CommandGroup>>> = {
  run: async () => (await import('./commands/run.ts')).run,
  init: async () => (await import('./commands/init.ts')).init,
  ps: async () => (await import('./commands/ps.ts')).ps,
  logs: async () => (await import('./commands/logs.ts')).logs,
  start: async () => (await import('./commands/work-command.ts')).start,
  stop: async () => (await import('./commands/stop.ts')).stop,
  delete: async () => (await import('./commands/work-command.ts')).remove,
  state: async () => (await import('./commands/state.ts')).state,
  command: async () => (await import('./commands/command.ts')).command,
  emulator: async () => (await import('./commands/emulator.ts')).emulator,
  pause: async () => (await import('./commands/pause.ts')).pause,
  resume: async () => (await import('./commands/pause.ts')).resume,
  deploy: async () => (await import('./commands/deploy.ts')).deploy,
  diff: async () => (await import('./commands/deploy.ts')).diff,
  destroy: async () => (await import('./commands/destroy.ts')).destroy,
  cost: async () => (await import('./commands/cost.ts')).cost,
  prices: async () => (await import('./commands/prices.ts')).prices,
  open: async () => (await import('./commands/open.ts')).open,
  exec: async () => (await import('./commands/exec.ts')).exec,
  doctor: async () => (await import('./commands/doctor.ts')).doctor,
  inspect: async () => (await import('./commands/inspect.ts')).inspect,
};
