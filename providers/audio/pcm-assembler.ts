import { type AudioPatch, type ExpectedAudio, PartAssembler } from './assembler';
import { nameOfFormat, SIGNATURE_BYTES, sniffSignature } from './sniff-format';

/**
 * Headerless samples: PCM (16-bit, little-endian) and MULAW (8-bit). Parts are laid end to end; a fraction of a sample
 * at the end of a part is dropped, or every later sample would be noise. A cut cannot be seen in these formats.
 */
export class PcmAssembler extends PartAssembler {
  private readonly blockBytes: number;
  private blocks = 0;

  constructor(expected: ExpectedAudio) {
    super(expected);
    this.blockBytes = expected.channels * (expected.format === 'PCM' ? 2 : 1);
  }

  protected openPart(): void {
    // Always the same few bytes, so that the verdict does not depend on how the stream was cut.
    const { bytes, start, end } = this.window;
    const found = sniffSignature(bytes.subarray(start, Math.min(end, start + SIGNATURE_BYTES)));
    if (found !== null) throw this.wrongFormat(nameOfFormat(found));
  }

  protected consume(): void {
    const { bytes, start, end } = this.window;
    const blocks = Math.floor((end - start) / this.blockBytes);
    const used = start + blocks * this.blockBytes;
    this.emit(bytes.subarray(start, used));
    this.window.start = used;
    this.blocks += blocks;
  }

  protected close(): AudioPatch | null {
    return null;
  }

  protected samplesSoFar(): number {
    return this.blocks;
  }
}
