// A few pictures to send, painted on the spot: nothing to load, nothing to ship.

const WIDTH = 480;
const HEIGHT = 360;

const SAMPLES = [
  ["sampleDawn", dawn],
  ["sampleNoodles", noodles],
  ["sampleReceipt", receipt],
  ["sampleSquares", squares],
];

/** [{name: a key of the strings, canvas}] */
export function samples() {
  return SAMPLES.map(([name, paint]) => {
    const canvas = document.createElement("canvas");
    canvas.width = WIDTH;
    canvas.height = HEIGHT;
    paint(canvas.getContext("2d"));
    return { name, canvas };
  });
}

function dawn(at) {
  const sky = at.createLinearGradient(0, 0, 0, HEIGHT);
  for (const [place, colour] of [[0, "#35477d"], [0.45, "#c06c84"], [0.75, "#f8b195"], [1, "#ffe3c2"]]) sky.addColorStop(place, colour);
  rectangle(at, sky, 0, 0, WIDTH, HEIGHT);
  disc(at, "#fff3d6", 330, 190, 42);
  mountains(at, "#6c5b7b", [0, 260, 90, 170, 170, 240, 260, 140, 380, 250, 480, 190]);
  mountains(at, "#3d3a5c", [0, 310, 120, 240, 220, 300, 330, 230, 480, 300]);
}

function mountains(at, colour, points) {
  at.fillStyle = colour;
  at.beginPath();
  at.moveTo(0, HEIGHT);
  for (let i = 0; i < points.length; i += 2) at.lineTo(points[i], points[i + 1]);
  at.lineTo(WIDTH, HEIGHT);
  at.fill();
}

function noodles(at) {
  rectangle(at, "#f2e3cf", 0, 0, WIDTH, HEIGHT);
  disc(at, "#2f5d62", 240, 185, 150);
  disc(at, "#a84a26", 240, 185, 128);
  at.strokeStyle = "#f6d06f";
  at.lineWidth = 7;
  for (let i = 0; i < 13; i++) {
    at.beginPath();
    at.arc(160 + i * 13, 200 + (i % 3) * 12, 62 - i * 2, 0.3 * i, 0.3 * i + 3.6);
    at.stroke();
  }
  disc(at, "#fffaf0", 290, 145, 38);
  disc(at, "#f5a623", 290, 145, 19);
  for (const [x, y] of [[180, 130], [205, 245], [310, 225], [250, 110], [160, 190]]) disc(at, "#4f9d3a", x, y, 8);
}

function receipt(at) {
  rectangle(at, "#5f7f8c", 0, 0, WIDTH, HEIGHT);
  rectangle(at, "#fdfdfb", 130, 20, 220, 320);
  at.fillStyle = "#222";
  at.font = "bold 22px sans-serif";
  at.textAlign = "center";
  at.fillText("收 据", 240, 60);
  at.font = "16px monospace";
  [["牛肉面 × 2", "36.00"], ["炒饭 × 1", "15.00"], ["饺子 × 1", "18.00"]].forEach(([what, price], i) => {
    at.textAlign = "left";
    at.fillText(what, 150, 110 + i * 34);
    at.textAlign = "right";
    at.fillText(price, 330, 110 + i * 34);
  });
  rectangle(at, "#222", 150, 205, 180, 2);
  at.font = "bold 19px monospace";
  at.fillText("¥ 69.00", 330, 240);
  for (let i = 0; i < 40; i++) rectangle(at, i % 3 && (i * 7) % 5 ? "#222" : "#fdfdfb", 160 + i * 4, 265, 3, 50);
}

// It looks like a QR code, but cannot be read as one.
function squares(at) {
  rectangle(at, "#fff", 0, 0, WIDTH, HEIGHT);
  const [left, top, cell] = [105, 45, 10];
  for (let x = 0; x < 27; x++) {
    for (let y = 0; y < 27; y++) {
      if ((x * x * 3 + y * y * 5 + x * y * 7) % 11 < 5) rectangle(at, "#111", left + x * cell, top + y * cell, cell, cell);
    }
  }
  for (const [x, y] of [[0, 0], [20, 0], [0, 20]]) {
    rectangle(at, "#fff", left + (x - 0.5) * cell, top + (y - 0.5) * cell, 8 * cell, 8 * cell);
    rectangle(at, "#111", left + x * cell, top + y * cell, 7 * cell, 7 * cell);
    rectangle(at, "#fff", left + (x + 1) * cell, top + (y + 1) * cell, 5 * cell, 5 * cell);
    rectangle(at, "#07c160", left + (x + 2) * cell, top + (y + 2) * cell, 3 * cell, 3 * cell);
  }
}

function rectangle(at, colour, x, y, width, height) {
  at.fillStyle = colour;
  at.fillRect(x, y, width, height);
}

function disc(at, colour, x, y, radius) {
  at.fillStyle = colour;
  at.beginPath();
  at.arc(x, y, radius, 0, 2 * Math.PI);
  at.fill();
}
