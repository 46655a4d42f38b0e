# SPDX-License-Identifier: MIT
# The same as register.cmd, which does it.
& "$PSScriptRoot\register.cmd" @args
Exit $LASTEXITCODE
