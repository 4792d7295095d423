/** Version of the messages between a flow and its works; a mismatch is refused at the handshake. */
export const PROTOCOL_VERSION = 1;

/** Version of the stored shape (turn records, snapshots, deltas); a reader for the previous one exists from 2 on. */
export const STORE_VERSION = 1;
