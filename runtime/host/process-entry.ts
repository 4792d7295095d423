/**
 * The module of a worker thread beside the module at `from`; `name` without its extension.
 *
 * From source the thread needs a loader of its own: Node gives the main thread's to what a worker imports, not to its entry.
 */
export function workerEntry(from: string, name: string): URL {
  if (!from.endsWith('.ts')) return new URL(`./${name}.js`, from);
  const entry = JSON.stringify(new URL(`./${name}.ts`, from).href);
  const loader = JSON.stringify(import.meta.resolve('tsx/esm/api'));
  const code = `import { register } from ${loader}; register(); await import(${entry});`;
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`);
}
