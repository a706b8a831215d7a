import { defineEnum } from './define-enum';

export const GrantKind = defineEnum('GrantKind', 'Where granted credits come from.', {
  MONTHLY: "The plan's credits of one period; unused, they are carried over as the plan says.",
  TOP_UP: 'Bought on top of the plan; usable for 12 months whatever the plan becomes.',
  PROMOTION: 'Given by the operator.',
  ADJUSTMENT: 'A correction by the operator.',
});
export type GrantKind = keyof typeof GrantKind;
