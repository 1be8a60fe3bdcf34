// Is it a digit at all? As mnistbench/pictures/refuse.py, with the same coefficients.

import { allFeatures, STROKE_WIDTH } from "./features.mjs";

const THICKEST = 7;

/**
 * How much an image is a digit, as log odds: from 0 on it is one.
 *
 * refusal is what refusal.json says, shape the 58 shapeFeatures, logits the ten scores of each judge in its order.
 */
export function digitScore(refusal, shape, logits) {
  const features = allFeatures(shape, logits);
  const standard = features.map((value, place) => (value - refusal.mean[place]) / refusal.spread[place]);
  let score = refusal.output_bias - refusal.threshold;
  refusal.hidden_weights.forEach((weights, unit) => {
    const total = weights.reduce((so, weight, place) => so + weight * standard[place], refusal.hidden_bias[unit]);
    score += Math.tanh(total) * refusal.output_weights[unit];
  });
  // Some zeros of MNIST are nearly filled, so that networks take discs for zeros.
  const tooThick = shape[STROKE_WIDTH] * 4 - THICKEST;
  return tooThick > 0 ? Math.min(score, -1 - tooThick) : score;
}
