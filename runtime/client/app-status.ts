export type { AppStatus, CommandSummary } from '../protocol/app-status.ts';
