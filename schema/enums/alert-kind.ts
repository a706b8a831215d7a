import { defineEnum } from './define-enum';

export const AlertKind = defineEnum('AlertKind', 'What an alert rule watches for.', {
  LOW_BALANCE:
    'The remaining credits are at or under the threshold. Once until credits are added that lift them above it, and once in each period.',
  SPEND_SPIKE:
    'Today (UTC) is over the median of the last 7 whole UTC days by more than the factor: credits, and apart from them minutes of audio with own provider keys included. Days without usage count as 0; where the median is 0 there is nothing to compare with. Once a day for each of the two.',
  NEW_VOICE:
    'A voice was used with success that is not expected. Outside a given set: once a period for each voice, and voices used earlier in the present period count. Without a set: once for each voice that was never used before the rule was made or last enabled.',
  PROVIDER_ERRORS:
    'The share of failed operations of a provider in the last hour (the present quarter of an hour and the three before it) is over the threshold, of at least 10. Once until the share has fallen to half the threshold, and once in each period.',
});
export type AlertKind = keyof typeof AlertKind;
