import { defineEnum } from './define-enum';

export const UsageDimension = defineEnum('UsageDimension', 'What usage can be told apart by.', {
  PROVIDER: 'Provider.id of the provider that served it.',
  CAPABILITY: 'What was done.',
  MODEL: 'Model.id of the model that served it.',
  VOICE_ID: 'Voice.id of the voice that spoke. Not together with VOICE_NAME.',
  VOICE_NAME: 'Name of that voice at the time; several voices may share one. Not together with VOICE_ID.',
  LANGUAGE: 'BCP 47 tag of the language.',
  STYLE: 'Speaking style that was asked for.',
  API_KEY: 'API key that was used, or that made the client token.',
  END_USER: "The caller's own user.",
  CREDENTIAL: 'Whose key paid the provider.',
});
export type UsageDimension = keyof typeof UsageDimension;
