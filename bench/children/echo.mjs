import { connect } from 'node:net';

const socket = connect(process.argv[2] ?? '');
socket.pipe(socket);
socket.on('close', () => process.exit());
