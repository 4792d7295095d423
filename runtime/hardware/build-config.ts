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
    this.requirements = options.requirements ?? [];
    this.image = options.image ?? null;
    this.dockerfile = options.dockerfile ?? null;
    this.buildCommands = options.buildCommands ?? [];
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
