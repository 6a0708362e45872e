// Numbers are written with the digits that bring them back exactly, so a resumed run writes the same file.
#include "train/curve.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/format.h"

namespace garam::training {
namespace {

constexpr double kWidth = 720, kHeight = 400, kLeft = 60, kRight = 20, kTop = 30, kBottom = 45;
constexpr std::size_t kPoints = 600;

struct Box {
  double most_tokens, low, high;

  double x(double tokens) const { return kLeft + tokens / most_tokens * (kWidth - kLeft - kRight); }
  double y(double loss) const {
    return kHeight - kBottom - (loss - low) / (high - low) * (kHeight - kTop - kBottom);
  }
};

Box box_of(const std::vector<CurvePoint>& curve) {
  Box box = {1, std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
  for (const CurvePoint& point : curve) {
    box.most_tokens = std::max(box.most_tokens, static_cast<double>(point.tokens));
    for (const double loss : {point.loss, point.held_out}) {
      if (!std::isfinite(loss)) continue;
      box.low = std::min(box.low, loss);
      box.high = std::max(box.high, loss);
    }
  }
  if (!(box.low < box.high)) box.low -= 1, box.high += 1;
  if (!std::isfinite(box.low)) box.low = 0, box.high = 1;
  return box;
}

/// 1, 2 or 5 times a power of ten, about a fifth of the range.
double tick_of(double range) {
  const double power = std::pow(10.0, std::floor(std::log10(range / 5)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (power * factor * 6 >= range) return power * factor;
  }
  return power * 10;
}

std::string axes(const Box& box) {
  std::string svg;
  const double tick = tick_of(box.high - box.low);
  for (double loss = std::ceil(box.low / tick) * tick; loss <= box.high; loss += tick) {
    svg += formatted(
        "<path d=\"M{:.0f} {:.1f}H{:.0f}\" stroke=\"#ddd\"/><text x=\"{:.0f}\" y=\"{:.1f}\" "
        "text-anchor=\"end\">{:.6g}</text>\n",
        kLeft, box.y(loss), kWidth - kRight, kLeft - 6, box.y(loss) + 4, loss);
  }
  const double step = tick_of(box.most_tokens);
  for (double tokens = 0; tokens <= box.most_tokens; tokens += step) {
    svg += formatted("<text x=\"{:.1f}\" y=\"{:.0f}\" text-anchor=\"middle\">{:.6g}</text>\n", box.x(tokens),
                     kHeight - kBottom + 18, tokens / 1000);
  }
  svg += formatted(
      "<text x=\"{:.0f}\" y=\"{:.0f}\" text-anchor=\"middle\">thousands of tokens</text>\n"
      "<text x=\"{:.0f}\" y=\"18\">loss, nats a token</text>\n",
      (kLeft + kWidth - kRight) / 2, kHeight - 8, kLeft);
  return svg;
}

}  // namespace

std::string curve_csv(const std::vector<CurvePoint>& curve) {
  std::string text = "step,tokens,loss,held_out,learning_rate,gradient_norm\n";
  for (const CurvePoint& p : curve) {
    text += formatted("{},{},{},{},{},{}\n", p.step, p.tokens, p.loss,
                      std::isnan(p.held_out) ? std::string() : formatted("{}", p.held_out), p.learning_rate,
                      p.gradient_norm);
  }
  return text;
}

std::string curve_svg(const std::vector<CurvePoint>& curve) {
  const Box box = box_of(curve);
  std::string loss, held_out, dots;
  const std::size_t group = std::max<std::size_t>(1, curve.size() / kPoints);
  for (std::size_t first = 0; first < curve.size(); first += group) {
    const std::size_t last = std::min(curve.size(), first + group);
    double sum = 0;
    for (std::size_t i = first; i < last; ++i) sum += curve[i].loss;
    loss += formatted("{}{:.1f} {:.1f}", loss.empty() ? "M" : "L",
                      box.x(static_cast<double>(curve[last - 1].tokens)),
                      box.y(sum / static_cast<double>(last - first)));
  }
  for (const CurvePoint& p : curve) {
    if (std::isnan(p.held_out)) continue;
    const double x = box.x(static_cast<double>(p.tokens)), y = box.y(p.held_out);
    held_out += formatted("{}{:.1f} {:.1f}", held_out.empty() ? "M" : "L", x, y);
    dots += formatted("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2.5\" fill=\"#c40\"/>\n", x, y);
  }
  std::string svg = formatted(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" font-family=\"sans-serif\" "
      "font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
      kWidth, kHeight);
  svg += axes(box);
  svg += formatted("<path d=\"{}\" fill=\"none\" stroke=\"#06c\"/>\n", loss);
  if (!held_out.empty())
    svg += formatted("<path d=\"{}\" fill=\"none\" stroke=\"#c40\"/>\n", held_out) + dots;
  svg += formatted(
      "<text x=\"{}\" y=\"18\" text-anchor=\"end\"><tspan fill=\"#06c\">training</tspan>{}</text>\n</svg>\n",
      kWidth - kRight, held_out.empty() ? "" : " <tspan fill=\"#c40\">held out</tspan>");
  return svg;
}

}  // namespace garam::training
