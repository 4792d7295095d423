/** Which packages have a native part, and who can do without them. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { z } from 'zod';

/** What a package that is built for each platform has in its folder. */
const NATIVE_PARTS = ['binding.gyp', 'prebuilds'];
/** By these a package finds its native part when it is loaded; no import names that. */
const NATIVE_LOADERS = [
  'node-gyp-build',
  'node-gyp-build-optional-packages',
  'bindings',
  'prebuild-install',
  '@mapbox/node-pre-gyp',
];
/** Native parts that are packages, such as `@img/sharp-linux-x64`. */
const OF_ONE_PLATFORM = /(?:^|[-/])(?:linux|darwin|win32)-(?:x64|arm64)/;
/** What is loaded when the native part is not there, as in `bufferutil` and `keccak`: `try { … } catch { … require('./fallback') }`. */
const FALLS_BACK =
  /\btry\s*\{[^{}]*\brequire\([^{}]*\}\s*catch\b[^{}]*\{[^{}]*\brequire\(\s*['"]\.{1,2}\//;

const names = z.record(z.string(), z.unknown()).optional();
const manifestSchema = z.object({
  dependencies: names,
  optionalDependencies: names,
  peerDependenciesMeta: z
    .record(z.string(), z.object({ optional: z.boolean().optional() }))
    .optional(),
});

interface Facts {
  /** Itself; what it depends on is looked at when that is imported. */
  readonly isNative: boolean;
  /** What may be missing beside it. */
  readonly optional: ReadonlySet<string>;
}

/** What the packages of one bundle say of themselves; each is looked at once. */
export class NativePackages {
  readonly #projectRoot: string;
  readonly #facts = new Map<string, Promise<Facts>>();

  constructor(projectRoot: string) {
    this.#projectRoot = projectRoot;
  }

  /** Name of the package that an imported file belongs to, if that has a native part and cannot be loaded without. */
  async nativePackageOf(file: string): Promise<string | null> {
    const owner = owningPackage(file);
    if (owner === null || !(await this.#factsOf(owner.folder)).isNative) return null;
    return FALLS_BACK.test(await readFile(file, 'utf8')) ? null : owner.name;
  }

  /** Whether the package of a file, or the project, says that it can do without another package. */
  async isOptional(name: string, importer: string): Promise<boolean> {
    const { optional } = await this.#factsOf(owningPackage(importer)?.folder ?? this.#projectRoot);
    return optional.has(name);
  }

  #factsOf(folder: string): Promise<Facts> {
    const facts = this.#facts.get(folder) ?? readFacts(folder);
    this.#facts.set(folder, facts);
    return facts;
  }
}

async function readFacts(folder: string): Promise<Facts> {
  const text = await readFile(join(folder, 'package.json'), 'utf8').catch(() => '{}');
  const { data } = manifestSchema.safeParse(JSON.parse(text));
  const { dependencies = {}, optionalDependencies = {}, peerDependenciesMeta = {} } = data ?? {};
  const peers = Object.entries(peerDependenciesMeta).filter(
    ([, { optional }]) => optional === true,
  );
  return {
    isNative:
      NATIVE_PARTS.some((part) => existsSync(join(folder, part))) ||
      NATIVE_LOADERS.some((name) => Object.hasOwn(dependencies, name)) ||
      Object.keys(optionalDependencies).some((name) => OF_ONE_PLATFORM.test(name)),
    optional: new Set([...Object.keys(optionalDependencies), ...peers.map(([name]) => name)]),
  };
}

/** The package that a file belongs to; `null` for the user's own. */
export function owningPackage(
  file: string,
): { readonly name: string; readonly folder: string } | null {
  const parts = file.split(sep);
  const at = parts.lastIndexOf('node_modules') + 1;
  if (at === 0) return null;
  const name = packageOf(parts.slice(at).join('/'));
  return { name, folder: join(parts.slice(0, at).join(sep), name) };
}

/** `@scope/name/file` is of `@scope/name`. */
export function packageOf(specifier: string): string {
  const [first = '', second = ''] = specifier.split('/');
  return first.startsWith('@') ? `${first}/${second}` : first;
}
