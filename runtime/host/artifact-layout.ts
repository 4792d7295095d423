/** Places in an artifact, from its root; read in containers, which have nothing that makes one. */

/** The user's code; outside of `app/`, whose own package may be called as one that it imports. */
export const APP_BUNDLE = 'bundle/app.mjs';
/** What the bootstrap reads first: `{ requirements: [npm spec] }`. */
export const ARTIFACT_INFO = 'artifact.json';
