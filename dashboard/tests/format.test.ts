import { describe, expect, it } from 'vitest';
import { add, compare, magnitude, ratio, rounded, shifted, sign, subtract, sum } from '../src/decimal';
import {
  clock,
  count,
  duration,
  exact,
  MINUS,
  money,
  moment,
  NO_BREAK,
  percent,
  price,
  pricePlaces,
  quantity,
  shortHex,
  shortMoney,
  shortTick,
  signedPercent,
  tick,
} from '../src/format';

describe('decimals are exact', () => {
  it('adds what a float cannot', () => {
    expect(add('0.1', '0.2')).toBe('0.3');
    expect(add('9007199254740993', '0.000001')).toBe('9007199254740993.000001');
    expect(subtract('72057594037.927936', '72057594037.927935')).toBe('0.000001');
    expect(sum(['1.5', '-2.25', '0.75'])).toBe('0');
  });

  it('compares without rounding', () => {
    expect(compare('0.100000', '0.1')).toBe(0);
    expect(compare('-0.000001', '0')).toBe(-1);
    expect(sign('-0.000000')).toBe(0);
    expect(magnitude('-12.5')).toBe('12.5');
  });

  it('rounds the way it is told, below zero too', () => {
    expect(rounded('-0.001', 2, 'floor')).toBe('-0.01');
    expect(rounded('-0.001', 2, 'ceil')).toBe('0.00');
    expect(rounded('2.345', 2, 'nearest')).toBe('2.35');
    expect(rounded('-2.5', 0, 'nearest')).toBe('-2');
    expect(rounded('7', 3, 'floor')).toBe('7.000');
    expect(shifted('0.123456', 2)).toBe('12.3456');
    expect(shifted('1234', -3)).toBe('1.234');
  });

  it('divides once, and not by zero', () => {
    expect(ratio('1', '3', 'floor')).toBe('0.333333');
    expect(ratio('1', '3', 'ceil')).toBe('0.333334');
    expect(ratio('1', '-3', 'floor')).toBe('-0.333334');
    expect(ratio('1', '0')).toBeNull();
  });

  it('refuses what is no decimal', () => {
    for (const text of ['', '-', '1e3', 'NaN', '.5', '1.', '0x1']) expect(() => sign(text)).toThrow();
  });
});

describe('amounts never look better than they are', () => {
  it('shows a cent missing as missing', () => {
    expect(money('-0.000001')).toBe(`${MINUS}0.01`);
    expect(money('0.009999')).toBe('0.00');
    expect(money('-1234567.891')).toBe(`${MINUS}1,234,567.90`);
    expect(money('1234567.899')).toBe('1,234,567.89');
  });

  it('shortens with its unit of scale', () => {
    expect(shortMoney('999.999')).toBe('999.99');
    expect(shortMoney('199320.1')).toBe(`199.32${NO_BREAK}k`);
    expect(shortMoney('4550000')).toBe(`4.55${NO_BREAK}M`);
    expect(shortMoney('-2500000000')).toBe(`${MINUS}2.50${NO_BREAK}bn`);
  });

  it('rounds margin ratios up where asked', () => {
    expect(percent('0.99991', 1, 'ceil')).toBe(`100.0${NO_BREAK}%`);
    expect(percent('0.99991', 1, 'floor')).toBe(`99.9${NO_BREAK}%`);
    expect(signedPercent('0.05')).toBe(`+5.00${NO_BREAK}%`);
    expect(signedPercent('-0.05')).toBe(`${MINUS}5.00${NO_BREAK}%`);
    expect(signedPercent('0')).toBe(`0.00${NO_BREAK}%`);
  });
});

describe('other figures', () => {
  it('gives prices about six digits', () => {
    expect(price('116628.4')).toBe('116,628.40');
    expect(price('3.9132')).toBe('3.9132');
    expect(price('0.172')).toBe('0.172000');
    expect(price('-37.63')).toBe(`${MINUS}37.6300`);
    expect(pricePlaces('0')).toBe(6);
  });

  it('gives quantities the places of a lot, and never hides a digit', () => {
    expect(quantity('1.5', '0.001')).toBe('1.500');
    expect(quantity('1.23456', '0.001')).toBe('1.23456');
    expect(quantity('12000')).toBe('12,000');
    expect(exact('1234.567891')).toBe('1,234.567891');
    expect(count(1234567)).toBe('1,234,567');
  });

  it('writes time in UTC', () => {
    const time = Date.UTC(2025, 9, 10, 21, 5, 9);
    expect(clock(time)).toBe('21:05:09');
    expect(moment(time)).toBe('2025-10-10 21:05:09');
    expect([850, 4_200, 720_000, 7_200_000, 180_000_000].map((ms) => duration(ms).replace(NO_BREAK, ' '))).toEqual([
      '850 ms',
      '4.2 s',
      '12 min',
      '2 h',
      '2 days',
    ]);
  });

  it('writes ticks without needless places', () => {
    expect(tick(200, 20)).toBe('200');
    expect(tick(0.172, 0.002)).toBe('0.172');
    expect([0, 250_000, 1_200_000].map(shortTick)).toEqual(['0', `250${NO_BREAK}k`, `1.2${NO_BREAK}M`]);
    expect(shortHex('0x0123456789abcdef')).toBe('0x012345…cdef');
  });
});
