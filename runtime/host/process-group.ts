/** Kills the process group of this process, itself included. From any thread; does not return. */
export function killOwnGroup(): void {
  try {
    // A work's process leads a group of its own.
    if (process.platform !== 'win32') process.kill(-process.pid, 'SIGKILL');
  } catch {
    // It leads none: it was not started by a launcher.
  }
  process.kill(process.pid, 'SIGKILL');
}
