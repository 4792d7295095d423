import { aws_budgets as budgets } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { appError } from '../../runtime/errors/index.ts';
import type { BudgetProps } from '../stormkite-app-props.ts';

/** Tag of everything that an app has. */
export const APP_TAG = 'stormkite:app';
/** Per cent of the budget. */
const WARN_AT = 80;
const ALARM_AT = 100;

/** Warns by mail when an app has cost most of what it may in a month, or will cost more. */
export class Budget extends Construct {
  /** @throws `INFRA_PROP_INVALID` */
  constructor(scope: Construct, id: string, app: string, { dollarsPerMonth, email }: BudgetProps) {
    super(scope, id);
    if (!(Number.isFinite(dollarsPerMonth) && dollarsPerMonth > 0))
      throw invalid('dollarsPerMonth', dollarsPerMonth, 'US dollars, more than 0');
    if (!/^[^\s@]+@[^\s@]+$/.test(email)) throw invalid('email', email, 'an address');
    const subscribers = [{ subscriptionType: 'EMAIL', address: email }];
    const notify = (notificationType: 'ACTUAL' | 'FORECASTED', threshold: number) => ({
      notification: {
        notificationType,
        threshold,
        thresholdType: 'PERCENTAGE',
        comparisonOperator: 'GREATER_THAN',
      },
      subscribers,
    });
    new budgets.CfnBudget(this, 'Monthly', {
      budget: {
        budgetType: 'COST',
        timeUnit: 'MONTHLY',
        budgetLimit: { amount: dollarsPerMonth, unit: 'USD' },
        costFilters: { TagKeyValue: [`user:${APP_TAG}$${app}`] },
      },
      notificationsWithSubscribers: [notify('ACTUAL', WARN_AT), notify('FORECASTED', ALARM_AT)],
    });
  }
}

function invalid(prop: string, value: unknown, allowed: string): Error {
  return appError('INFRA_PROP_INVALID', {
    prop: `budget.${prop}`,
    value: JSON.stringify(value),
    allowed,
  });
}
