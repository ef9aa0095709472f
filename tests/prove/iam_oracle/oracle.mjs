// Decide on simulations, one line of JSON each, by @cloud-copilot/iam-simulate.
import { readFileSync, writeFileSync } from 'node:fs'
import { runSimulation } from '@cloud-copilot/iam-simulate'

const answers = []
for (const line of readFileSync(process.argv[2], 'utf8').trim().split('\n')) {
  const found = await runSimulation(JSON.parse(line), {})
  answers.push(found.overallResult ?? JSON.stringify(found))
}
writeFileSync(process.argv[3], answers.join('\n'))
