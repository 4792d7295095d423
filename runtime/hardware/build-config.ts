import { appError } from '../errors/index.ts';
import type { JsonObject } from '../state/json.ts';

/** How the machine of a work is prepared. */
export interface BuildConfigOptions {
  /** npm specs installed when the task starts. @default - none */
  readonly requirements?: readonly string[];
  /** Container image. @default - a stock Node image */
  readonly image?: string;
  /** Path of a Dockerfile, relative to the project. @default - none */
  readonly dockerfile?: string;
  /** Shell commands run when the image is prepared. @default - none */
  readonly buildCommands?: readonly string[];
}

const MARKER = '__build_config__';

/** Image, packages and commands that a work needs in the cloud; not used locally. */
export class BuildConfig {
  readonly requirements: readonly string[];
  readonly image: string | null;
  readonly dockerfile: string | null;
  readonly buildCommands: readonly string[];

  constructor(options: BuildConfigOptions = {}) {
    this.requirements = texts(options.requirements, 'requirements');
    this.image = text(options.image, 'image');
    this.dockerfile = text(options.dockerfile, 'dockerfile');
    this.buildCommands = texts(options.buildCommands, 'buildCommands');
  }

  /** The form in which it stands in props. */
  toJSON(): JsonObject {
    return {
      type: MARKER,
      requirements: [...this.requirements],
      image: this.image,
      dockerfile: this.dockerfile,
      buildCommands: [...this.buildCommands],
    };
  }

  /** Rebuilds what {@link toJSON} wrote; `undefined` for anything else. */
  static fromJSON(value: unknown): BuildConfig | undefined {
    if (typeof value !== 'object' || value === null) return undefined;
    const json = value as Record<string, unknown>;
    if (json['type'] !== MARKER) return undefined;
    return new BuildConfig({
      requirements: json['requirements'] as string[],
      buildCommands: json['buildCommands'] as string[],
      ...(typeof json['image'] === 'string' ? { image: json['image'] } : {}),
      ...(typeof json['dockerfile'] === 'string' ? { dockerfile: json['dockerfile'] } : {}),
    });
  }
}

function texts(value: readonly string[] | undefined, option: string): readonly string[] {
  if (value === undefined) return [];
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return [...value];
  throw invalid(option, value, 'a list of texts');
}

function text(value: string | undefined, option: string): string | null {
  if (value === undefined) return null;
  if (typeof value === 'string') return value;
  throw invalid(option, value, 'text');
}

function invalid(option: string, value: unknown, allowed: string): Error {
  return appError('APP_OPTION_INVALID', {
    option: `BuildConfig.${option}`,
    value: JSON.stringify(value),
    allowed,
  });
}
