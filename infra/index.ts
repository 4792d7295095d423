/** The `stormkite/infra` door: an app in anyone's CDK stack. */
export { StormkiteApp } from './stormkite-app.ts';
export type {
  BudgetProps,
  NetworkKind,
  OidcProps,
  StormkiteAppProps,
  UiKind,
} from './stormkite-app-props.ts';
