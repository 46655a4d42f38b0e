# SPDX-License-Identifier: MIT
# The same as unregister.cmd, which does it.
& "$PSScriptRoot\unregister.cmd" @args
Exit $LASTEXITCODE
