import { defineEnum } from './define-enum';

export const RoutingStrategy = defineEnum(
  'RoutingStrategy',
  'In which order the provider asked for and its fallbacks are tried. Providers that are not named are never used.',
  {
    PRIORITY: 'As they are given: the provider asked for, then each fallback.',
    CHEAPEST: 'By what the caller is expected to pay, an own key nothing. Equals as they are given.',
    FASTEST:
      'By measured time to the first byte, the median of late; those not measured yet come last, though now and then one of them goes first to be measured.',
  },
);
export type RoutingStrategy = keyof typeof RoutingStrategy;
