/** Loads a module of `dist/`, so that what is measured is what users run. Typed by its source: `dist/` may not exist yet. */
export async function fromDist<T>(module: string): Promise<T> {
  return (await import(new URL(`../dist/${module}.js`, import.meta.url).href)) as T;
}
