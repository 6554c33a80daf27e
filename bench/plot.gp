# SPDX-License-Identifier: GPL-2.0-only
# gnuplot -e "table=...; plot_file=...; kernel=..." plot.gp

set terminal svg size 1300,640 font "sans,12" background "white"
set output plot_file
set datafile separator "\t"
set title "Instructions for each operation, Linux ".kernel.", in the lab"
set style data histograms
set style histogram clustered gap 1
set style fill solid 0.85 noborder
set boxwidth 0.9
set grid ytics lc rgb "#d0d0d0"
set ytics nomirror
set xtics nomirror rotate by -30 noenhanced
set yrange [0:*]
set key top left reverse Left
set rmargin 18
plot table using 2:xtic(1) every ::1 title "kvmx" lc rgb "#1b6ca8", \
     table using 3 every ::1 title "the distribution's kvm" lc rgb "#b0b0b0"
