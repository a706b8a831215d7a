import type { Settings } from './config';
import type { Clock } from './lib/clock';
import { loadPriceBook } from './metering/load-price-book';
import type { PriceBook, ZeroRateOverride } from './metering/price-book';

/** The licence of XTTS v2 forbids selling what it speaks, until the operator says that it holds another. */
export const zeroRates = ({ xttsCommercialUseConfirmed }: Settings): readonly ZeroRateOverride[] =>
  xttsCommercialUseConfirmed ? [] : [{ capability: 'TEXT_TO_SPEECH', provider: 'xtts' }];

/**
 * The price book that this server works with.
 * @throws PriceBookError
 */
export const openPriceBook = (settings: Settings, clock: Clock): PriceBook =>
  loadPriceBook(settings.priceBookFile, { clock, overrides: zeroRates(settings) });
