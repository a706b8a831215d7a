/** Checks that hold an adapter to what the platform relies on, for any test runner. */
export { type ChatConformanceOptions, chatCallOf, chatConformance } from './chat';
export { type Check, CONFORMANCE_KEY, type ConformanceOptions, type DocumentedError } from './check';
export { engineConformance, type SpeechConformanceOptions, speechCallOf, speechConformance } from './speech';
export {
  type AnswerFunction,
  StandIn,
  type StandInAnswer,
  type StandInFault,
  type StandInRequest,
  startStandIn,
} from './stand-in';
export {
  type TranscriptionConformanceOptions,
  transcriptionCallOf,
  transcriptionConformance,
} from './transcription';
