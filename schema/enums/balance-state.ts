import { defineEnum } from './define-enum';

export const BalanceState = defineEnum('BalanceState', 'How much a workspace can still spend.', {
  HEALTHY: 'More than 10 % of the included credits remain.',
  LOW: "At most 10 % of the included credits remain (of the last top-up where the plan includes none), or the workspace's own alert level is reached.",
  OVERAGE: "The grants are spent; operations run on and are billed at the plan's overage rate.",
  HARD_STOP:
    'Nothing more is served: the grants of a plan without overage are spent, the overage limit is reached, or the subscription is unpaid.',
});
export type BalanceState = keyof typeof BalanceState;
