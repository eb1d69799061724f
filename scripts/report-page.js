// Opens each page given on the command line in Chromium, wide, dark and on a phone, and
// in print, and says what axe-core finds, when the first paint was, and whether anything
// was logged or is wider than the window. Exit 1 if something is wrong. Called by
// report-page.sh.
const fs = require('fs')
const path = require('path')
const puppeteer = require('puppeteer-core')

const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8')
const looks = [
  { name: 'wide', width: 1240, media: 'screen', scheme: 'light' },
  { name: 'dark', width: 1240, media: 'screen', scheme: 'dark' },
  { name: 'phone', width: 390, media: 'screen', scheme: 'light' },
  { name: 'print', width: 794, media: 'print', scheme: 'light' },
]

async function look (browser, file, how) {
  const page = await browser.newPage()
  const wrong = []
  page.on('console', m => wrong.push('console: ' + m.text()))
  page.on('pageerror', e => wrong.push('error: ' + e))
  await page.setBypassCSP(true) // or axe could not run
  await page.setViewport({ width: how.width, height: 900 })
  await page.emulateMediaType(how.media)
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: how.scheme }])
  await page.goto('file://' + path.resolve(file), { waitUntil: 'load' })
  await page.bringToFront()
  const paint = await page.evaluate(() => new Promise(resolve => {
    new PerformanceObserver(list => resolve(list.getEntries()[0].startTime)).observe({ type: 'paint', buffered: true })
    setTimeout(() => resolve(null), 3000)
  }))
  const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
  if (over > 0 && how.media === 'screen') wrong.push(over + ' px wider than the window')
  await page.evaluate(axe)
  const found = await page.evaluate(() => axe.run(document, { resultTypes: ['violations'] }).then(r => r.violations))
  for (const v of found) wrong.push(`axe: ${v.impact}: ${v.id} at ${v.nodes.length} places, as in ${v.nodes[0].html.slice(0, 120)}`)
  const shot = process.env.SHOTS
  if (shot) await page.screenshot({ path: path.join(shot, path.basename(file, '.html') + '-' + how.name + '.png'), fullPage: true })
  await page.close()
  const kib = Math.round(fs.statSync(file).size / 1024)
  console.log(`${path.basename(file)} ${how.name}: ${kib} KiB, first paint ${paint === null ? 'not told' : Math.round(paint) + ' ms'}, ${wrong.length} findings`)
  for (const w of wrong) console.log('  ' + w)
  return wrong.length
}

async function main () {
  const browser = await puppeteer.launch({ executablePath: process.env.CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] })
  let wrong = 0
  for (const file of process.argv.slice(2)) {
    for (const how of looks) wrong += await look(browser, file, how)
  }
  await browser.close()
  process.exit(wrong > 0 ? 1 : 0)
}

main()
