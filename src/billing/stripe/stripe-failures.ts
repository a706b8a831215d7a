import Stripe from 'stripe';
import { AppError } from '../../lib/errors';

const { errors } = Stripe;

/**
 * What users are told of a failure at Stripe. Its own words stay in the log, and of a refused key not even those, as
 * they quote a part of it. Errors that are not Stripe's pass unchanged.
 */
export function asAppError(error: unknown): unknown {
  if (!(error instanceof errors.StripeError)) return error;
  if (error instanceof errors.StripeIdempotencyError) {
    return new AppError(
      'CONFLICT',
      'This idempotency key was used with another input; use a new key for a new request.',
    );
  }
  if (error instanceof errors.StripeCardError) {
    return new AppError(
      'CONFLICT',
      'The payment was declined, so nothing was changed. Open createBillingPortalSession to give another payment method.',
    );
  }
  if (error instanceof errors.StripeAuthenticationError || error instanceof errors.StripePermissionError) {
    return unavailable(
      new Error(`Stripe refuses the key in STRIPE_SECRET_KEY (${error.type}, request ${error.requestId})`),
    );
  }
  if (isTransient(error)) return unavailable(error);
  return new Error(`Stripe refuses a request of ours (request ${error.requestId}): ${error.message}`, { cause: error });
}

/** Whether the same request may succeed later: the network, Stripe's own faults and its rate limit. */
export function isTransient(error: unknown): boolean {
  return (
    error instanceof errors.StripeConnectionError ||
    error instanceof errors.StripeAPIError ||
    error instanceof errors.StripeRateLimitError ||
    (error instanceof errors.StripeError &&
      (error.statusCode === undefined || error.statusCode >= 500 || error.statusCode === 409))
  );
}

/** Whether Stripe says that there is no such object. */
export const isMissing = (error: unknown): boolean =>
  error instanceof errors.StripeInvalidRequestError && error.code === 'resource_missing';

/** Whether Stripe says that an object with such a unique name is there already. */
export const isTaken = (error: unknown): boolean =>
  error instanceof errors.StripeInvalidRequestError &&
  /already (exists|uses|an active)|already in use/i.test(error.message);

/** Whether Stripe refuses a meter event because it knows its identifier; it has no code for that. */
export const isKnownMeterEvent = (error: unknown): boolean =>
  error instanceof errors.StripeInvalidRequestError && /already exists with identifier/i.test(error.message);

/** Runs calls to Stripe and turns their failures into what users are told. */
export async function calling<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw asAppError(error);
  }
}

const unavailable = (cause: unknown): AppError =>
  new AppError(
    'UNAVAILABLE',
    'The payment provider cannot be reached at present, and nothing was changed here. Try again in a moment, with the same idempotencyKey.',
    {},
    cause,
  );

/** What the operator has to set right at Stripe before this can be sold. */
export const notForSale = (message: string, detail: string): AppError =>
  new AppError('UNAVAILABLE', message, {}, new Error(detail));
